import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { createReplayer } from '../../../worker/replay/replay-history.ts';
import { PAYLOAD_CONVERTER } from '../../../worker/tuning.ts';
import { workflowCode } from '../../../worker/workflow-bundle.ts';

function recorded(name: string) {
  const text = readFileSync(new URL(`../../histories/${name}.json`, import.meta.url), 'utf8');
  const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: object };
  return [workflowId, proto.temporal.api.history.v1.History.fromObject(history)] as const;
}

function bundleOf(path: string) {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(`../../support/temporal/${path}`, import.meta.url)),
    payloadConverterPath: PAYLOAD_CONVERTER,
    logger: new DefaultLogger('ERROR'),
  });
}

test('a history that this build can continue has no difference', async () => {
  expect(await createReplayer(await workflowCode()).replay(...recorded('tools'))).toBeNull();
}, 60_000);

test('the first event that differs is found, whether or not the SDK names it', async () => {
  const broken = createReplayer(await bundleOf('broken-workflows.ts'));
  expect(await broken.replay(...recorded('plain'))).toEqual({
    kind: 'nondeterminism',
    eventId: 5,
    eventType: 'WorkflowExecutionUpdateAccepted',
    reason: 'Timer machine does not handle this event: HistoryEvent(id: 5, WorkflowExecutionUpdateAccepted)',
  });
  expect(await broken.replay(...recorded('woken'))).toMatchObject({
    kind: 'nondeterminism',
    eventId: 6,
    eventType: 'MarkerRecorded',
    reason: expect.stringContaining('2026-11-session-lifetime'),
  });
}, 60_000);

test('what workflow code throws is not part of the difference', async () => {
  const failing = createReplayer(await bundleOf('throwing-workflows.ts'));
  const difference = await failing.replay(...recorded('plain'));
  expect(difference).toMatchObject({ kind: 'error', reason: 'The workflow code throws a TypeError.', eventId: 4 });
  expect(JSON.stringify(difference)).not.toContain('secret');
}, 60_000);
