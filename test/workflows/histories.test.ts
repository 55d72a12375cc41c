import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { PAYLOAD_CONVERTER } from '../../worker/tuning.ts';
import { workflowCode } from '../../worker/workflow-bundle.ts';

const FOLDER = new URL('../histories/', import.meta.url);
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const texts = names.map((name) => readFileSync(new URL(name, FOLDER), 'utf8'));
const recorded = texts.map((text) => {
  const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: object };
  // Parsed by the protobuf classes: the SDK's JSON parser fails if npm has installed protobufjs more than once.
  return { workflowId, history: proto.temporal.api.history.v1.History.fromObject(history) };
});

/** The workflow ids of the histories that fail to replay, with the error message. */
async function failures(workflowBundle: Awaited<ReturnType<typeof workflowCode>>): Promise<Map<string, string>> {
  const options = { workflowBundle, dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER } };
  const failed = new Map<string, string>();
  for await (const { workflowId, error } of Worker.runReplayHistories(options, recorded)) {
    if (error) failed.set(workflowId, error.message);
  }
  return failed;
}

test('every recorded kind of session replays with the workflow code as it is', async () => {
  expect(recorded.length).toBeGreaterThanOrEqual(17);
  expect(await failures(await workflowCode())).toEqual(new Map());
}, 60_000);

test('they replay where failures are encoded, too', async () => {
  expect(await failures(await workflowCode({ encodesFailures: true }))).toEqual(new Map());
}, 60_000);

test('a workflow with a nondeterministic change fails the same check, for every history', async () => {
  const broken = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../support/temporal/broken-workflows.ts', import.meta.url)),
    payloadConverterPath: PAYLOAD_CONVERTER,
    workflowInterceptorModules: [fileURLToPath(new URL('../../workflows/reserved-signals.ts', import.meta.url))],
    logger: new DefaultLogger('ERROR'),
  });
  const failed = await failures(broken);
  expect([...failed.keys()].toSorted()).toEqual(recorded.map(({ workflowId }) => workflowId).toSorted());
  for (const message of failed.values()) expect(message).toMatch(/nondetermin|TMPRL1100/i);
}, 60_000);

test('recorded histories are small, and contain nothing of the machine that recorded them', () => {
  expect(texts.join('').length).toBeLessThan(400_000);
  for (const text of texts) expect(text).not.toMatch(/\d+@[\w.-]+|\/home\/|\/work\/|\/root\/|node_modules|file:\/\//);
});
