import { expect, test } from 'vitest';
import { replayTimeline } from '../../../cli/look/replay-timeline.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { beginModel, call, converse, newKey, replyTo, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli, startCli } from '../../support/process/run-cli.ts';
import { eventWriter, received, runCompleted, started } from '../../support/gateway/run-events.ts';

const database = embeddedDatabase();

async function serve(): Promise<ServedGateway> {
  return serveGateway({ gateway: startGateway(database.db).gateway, port: 0 });
}

/** A session with three runs, the middle one with a tool. */
async function session(): Promise<{ id: string; runId: string }> {
  const { db } = database;
  const key = newKey('local');
  await converse(db, key, 'm1', 'the first');
  const { runId } = await send(db, key, { id: 'm2', content: 'What time is it?' });
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId), { text: '', toolCalls: [call('c1')] }));
  await startTool(db, key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
  const results = [{ callId: 'c1', outcome: { status: 'completed', result: 'noon' }, durationMs: 5 } as const];
  await finishTools(db, key, { runId, results });
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId), { text: 'It is noon.' }));
  await converse(db, key, 'm3', 'the last');
  return { id: key.session, runId };
}

test('a replay pauses as long as the run did, divided by the speed, and never longer than the longest gap', () => {
  const writer = eventWriter();
  const events = [received(writer, 'r', 'm', 'hi'), started(writer, 'r'), runCompleted(writer, 'r', 'done')];
  const late = { ...runCompleted(writer, 'r', 'done'), at: '2026-01-01T01:00:00.300Z' };
  const pauses = (speed: number) =>
    replayTimeline([...events, late], { speed, maxGapMs: 5_000 }).map(({ pauseMs, cutMs }) => [pauseMs, cutMs]);
  expect(pauses(1)).toEqual([
    [0, null],
    [100, null],
    [100, null],
    [5_000, 3_600_000],
  ]);
  expect(pauses(2)).toEqual([
    [0, null],
    [50, null],
    [50, null],
    [5_000, 3_600_000],
  ]);
});

test('replay shows the events of one run, in order, as chat and watch show them', async () => {
  const { id, runId } = await session();
  const served = await serve();
  const { code, stdout, stderr } = await runCli(['replay', runId, '--speed', '100'], { PERDURE_URL: served.url });
  const json = await runCli(['replay', id, runId, '--json', '--speed', '100'], { PERDURE_URL: served.url });
  const step = await runCli(['replay', runId, '--step'], { PERDURE_URL: served.url });
  await served.close();
  expect(code).toBe(0);
  expect(stdout).toBe('> What time is it?\n→ clock {}\n← clock noon\nIt is noon.\n');
  expect(stderr).toMatch(/^Run .*: completed, .*\. 100 times the original speed, pauses of at most 5 s\.$/m);
  expect(stderr).toContain('text appears one step at a time');
  const types = json.stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  expect(types).toEqual([
    'message.received',
    'run.started',
    'message.completed',
    'tool.called',
    'tool.completed',
    'message.completed',
    'run.completed',
  ]);
  expect(step).toMatchObject({ code: 2, stderr: expect.stringContaining('standard input is not a terminal') });
});

test('events are a line each, after a number, and with --follow those to come', async () => {
  const { id } = await session();
  const served = await serve();
  const env = { PERDURE_URL: served.url };
  const all = (await runCli(['events', id], env)).stdout.trimEnd().split('\n');
  expect(all[0]).toMatch(/^ +1 {2}\d{4}-.*Z {2}session\.opened +\{"agent":"assistant"\}$/);
  const after = await runCli(['events', id, '--after', String(all.length - 1), '--json'], env);
  expect(JSON.parse(after.stdout)).toMatchObject({ seq: all.length, type: 'run.completed' });

  const following = startCli(['events', id, '--follow', '--after', String(all.length)], env);
  await converse(database.db, { user: 'local', session: id }, 'm4', 'another');
  await following.shows('run.completed');
  following.signal('SIGINT');
  const { code, stdout } = await following.done;
  await served.close();
  expect(code).toBe(130);
  expect(stdout.trim().split('\n')).toHaveLength(4);
});
