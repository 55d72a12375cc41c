import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { checkHistories } from '../../../worker/replay/check-histories.ts';
import { PAYLOAD_CONVERTER } from '../../../worker/tuning.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('open sessions are replayed before a deploy: this build replays them, and one with a broken workflow names the event that differs', async () => {
  const address = await testTemporal();
  await using stack = await startStack({ temporal: address, model: () => 'a private answer' });
  const keys = [stack.key(), stack.key(), stack.key()];
  for (const key of keys) {
    await stack.sender.submit(key, { content: 'a private question' });
    await stack.ended(key);
  }
  const { client, taskQueue } = stack;
  const listed = async () => {
    const { count } = await client.workflow.count(`TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`);
    return count;
  };
  await expect.poll(listed).toBe(3);

  const options = { client, taskQueue, sample: 10, seed: 1 };
  const good = await checkHistories(options);
  expect(good).toMatchObject({ open: 3, isPartial: false, checked: 3, failed: [], skipped: [] });
  expect(good.events).toBeGreaterThan(20);

  const broken = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../support/temporal/broken-workflows.ts', import.meta.url)),
    payloadConverterPath: PAYLOAD_CONVERTER,
    logger: new DefaultLogger('ERROR'),
  });
  const bad = await checkHistories({ ...options, workflowBundle: broken });
  expect(bad.failed.map(({ workflowId }) => workflowId).toSorted()).toEqual(keys.map(workflowIdOf).toSorted());
  for (const one of bad.failed) {
    expect(one).toMatchObject({ kind: 'nondeterminism', type: 'agentSession' });
    expect(one.eventId).toBeGreaterThan(3);
    expect(one.eventType).toMatch(/^[A-Z]\w+$/);
  }
  expect(JSON.stringify(bad)).not.toContain('private');

  // One history of a sample, and none of those that started later.
  expect(await checkHistories({ ...options, sample: 1 })).toMatchObject({ checked: 1, open: 3 });
  expect(await checkHistories({ ...options, since: new Date(Date.now() + 60_000) })).toMatchObject({ open: 0 });
  // The list is bounded, and has the oldest in any case.
  const bounded = await checkHistories({ ...options, maxListed: 1 });
  expect(bounded).toMatchObject({ isPartial: true, failed: [] });
  expect(bounded.open).toBeGreaterThanOrEqual(2);
  expect(await checkHistories({ ...options, maxBytes: 1 })).toMatchObject({
    checked: 0,
    skipped: [{ reason: 'too_large' }, { reason: 'too_large' }, { reason: 'too_large' }],
  });

  // The command checks the same, and prints no content.
  const env = { TEMPORAL_ADDRESS: address };
  const text = await runCli(['check-histories', '--task-queue', taskQueue, '--seed', '7'], env);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/^ok {2}Perdure \S+ replays 3 histories \(.*\) of 3 open workflows\. Seed 7\.\n$/);
  const json = await runCli(['check-histories', '--task-queue', taskQueue, '--json'], env);
  expect(JSON.parse(json.stdout)).toMatchObject({ taskQueue, checked: 3, failed: [] });
  const lost = await runCli(['check-histories', '--namespace', 'no-such-namespace'], env);
  expect(lost.code).toBe(3);
  expect(lost.stderr).toContain('no-such-namespace');
}, 60_000);
