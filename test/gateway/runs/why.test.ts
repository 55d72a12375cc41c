import { expect, test } from 'vitest';
import type { RunWhy, SessionWhy } from '../../../contracts/why.ts';
import { runWhySchema, sessionWhySchema } from '../../../contracts/why.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { countFailedCall } from '../../../store/runs/count-failed-call.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { UNKNOWN_COST } from '../../../store/budgets/model-call.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import { serveGateway } from '../../../gateway/serve-gateway.ts';
import { beginModel, call, converse, newKey, pin, replyTo, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { readFrames, sessionPath, startGateway } from '../start-gateway.ts';

const TOOL = {
  name: 'clock',
  description: 'Tells the time.',
  parameters: {},
  idempotent: true,
  timeoutMs: 20_000,
  retry: {},
};

const database = embeddedDatabase();

/** A run of two model calls, the second of which failed once, with a tool between them. */
async function runWithTool(key = newKey('local')): Promise<{ key: typeof key; runId: string }> {
  const { db } = database;
  const { runId } = await send(db, key, { id: 'm1', content: 'What time is it?' });
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId), { toolCalls: [call('c1')] }));
  await startTool(db, key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
  const results = [{ callId: 'c1', outcome: { status: 'completed', result: 'noon' }, durationMs: 5 } as const];
  await finishTools(db, key, { runId, results });
  const { step, attempt } = await beginModel(db, key, runId);
  const failed = { runId, step, attempt, errorCode: 'server_error', usage: null, cost: UNKNOWN_COST };
  await countFailedCall(db, key, { ...failed, firstTokenMs: null, durationMs: 1 });
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId)));
  return { key, runId };
}

test('the why of a run has its queue, its model calls and its tool, which add up to its time', async () => {
  const { key, runId } = await runWithTool();
  const { call: http } = startGateway(database.db);
  const response = await http('GET', sessionPath(key.session, 'runs', runId, 'why'));
  expect(response.status).toBe(200);
  const why = (await response.json()) as RunWhy;
  expect(runWhySchema.parse(why)).toEqual(why);
  expect(why).toMatchObject({ runId, sessionId: key.session, status: 'completed' });
  expect(why.spans.filter(({ kind }) => kind === 'model').map(({ label }) => label)).toEqual([
    'step 1',
    'step 2',
    'step 2, attempt 2',
  ]);
  expect(why.spans.find(({ kind }) => kind === 'tool')).toMatchObject({ label: 'clock', callId: 'c1', error: null });
  expect(why.time.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(why.wallMs);
  expect(why.wallMs).toBe(Date.parse(why.endedAt ?? '') - Date.parse(why.createdAt));
  expect(why.cost.calls.map(({ step, attempt, inputTokens }) => [step, attempt, inputTokens])).toEqual([
    [1, 1, 10],
    [2, 1, null],
    [2, 2, 10],
  ]);
});

test('a run is found by its id alone, but not for another user', async () => {
  const { key, runId } = await runWithTool();
  const { call: http } = startGateway(database.db);
  const mine = await http('GET', `/v1/runs/${runId}/why`);
  expect(await mine.json()).toMatchObject({ runId, sessionId: key.session });
  const theirs = await http('GET', `/v1/runs/${runId}/why`, undefined, { 'perdure-user': 'eve' });
  expect(theirs.status).toBe(404);
  const inAnother = await http('GET', sessionPath(key.session, 'runs', 'nope', 'why'));
  expect(inAnother.status).toBe(404);
});

test('the why of a run that waited for the previous one has that wait', async () => {
  const { db } = database;
  const key = newKey('local');
  const first = await send(db, key, { id: 'm1', content: 'one' });
  const position = await beginModel(db, key, first.runId);
  const second = await send(db, key, { id: 'm2', content: 'two' });
  const { call: http } = startGateway(db);
  const why = async () => (await (await http('GET', `/v1/runs/${second.runId}/why`)).json()) as RunWhy;
  expect((await why()).spans).toMatchObject([{ kind: 'queue', label: `behind run ${first.runId}`, open: true }]);
  await commitStep(db, key, replyTo(first.runId, position));
  await commitStep(db, key, replyTo(second.runId, await beginModel(db, key, second.runId)));
  expect((await why()).spans[0]).toMatchObject({ label: `behind run ${first.runId}`, open: false });
});

test('the command line shows it as a waterfall without bars when piped, and as JSON', async () => {
  const { key, runId } = await runWithTool();
  const { gateway } = startGateway(database.db);
  await using served = await serve(gateway);
  const { code, stdout } = await runCli(['why', runId], { PERDURE_URL: served.url });
  expect(code).toBe(0);
  expect(stdout).toContain(`run ${runId}: completed\nsession ${key.session}\nagent assistant`);
  expect(stdout).toMatch(/^AT +TOOK +TOKEN +WHAT$/m);
  expect(stdout).toMatch(/ in total: [^]*model \d+ ms \(\d+ %\)/);
  expect(stdout).toMatch(/^STEP +OUTCOME +INPUT +CACHED +OUTPUT +REASONING +COST +MODEL$/m);
  expect(stdout).toMatch(/^2 +failed +\? +\? +\? +\? +\? /m);
  expect(stdout).not.toMatch(/[█░▏]/);
  const json = await runCli(['why', key.session, runId, '--json'], { PERDURE_URL: served.url });
  expect(JSON.parse(json.stdout)).toMatchObject({ runId, summary: { time: expect.any(String) } });
  const none = await runCli(['why', 'nope'], { PERDURE_URL: served.url });
  expect(none.code).toBe(4);
  expect(none.stderr).toContain('"nope"');
});

test('a finished run of another session is not in this one', async () => {
  const [one, other] = [newKey('local'), newKey('local')];
  const runId = await converse(database.db, one, 'm1');
  await converse(database.db, other, 'm1');
  const { call: http } = startGateway(database.db);
  expect((await http('GET', sessionPath(other.session, 'runs', runId, 'why'))).status).toBe(404);
});

test('the why of a session has what it waits for, since when, and who can unblock it', async () => {
  const { db } = database;
  const key = newKey('local');
  const { call: http, sender } = startGateway(db);
  const why = async () => {
    const response = await http('GET', sessionPath(key.session, 'why'));
    expect(response.status).toBe(200);
    return sessionWhySchema.parse(await response.json());
  };
  expect((await http('GET', sessionPath(key.session, 'why'))).status).toBe(404);

  const { runId } = await send(db, key, { id: 'm1', content: 'hi' });
  sender.noWorker = true;
  expect(await why()).toMatchObject({ waitingFor: { what: 'worker' }, runId, workers: 0, queued: 1 });
  expect((await why()).text).toContain('No worker is polling');
  sender.noWorker = false;
  expect((await why()).text).toContain('One worker is polling');

  const position = await beginModel(db, key, runId);
  expect(await why()).toMatchObject({ waitingFor: { what: 'model', who: 'scripted/one' }, step: 1, attempt: 1 });
  expect((await why()).text).toContain(
    `It is at step 1 of the run ${runId}. The run may take 5 min 0 s of working time`,
  );

  await saveAgentVersion(db, { hash: pin().hash, spec: { name: 'assistant' }, tools: [TOOL] });
  await commitStep(db, key, replyTo(runId, position, { toolCalls: [call('c1')] }));
  await startTool(db, key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
  const tool = await why();
  const since = Date.parse(tool.waitingFor.since);
  expect(tool.waitingFor).toMatchObject({ what: 'tool', until: new Date(since + TOOL.timeoutMs).toISOString() });
  expect(tool.text).toContain('waits for the tool clock');

  const error = { code: 'model_unavailable', detail: 'The model is gone.' };
  await commitRunEnd(db, key, { runId, end: { status: 'failed', error }, partial: null, failSession: false });
  const idle = await why();
  expect(idle).toMatchObject({ waitingFor: { what: 'message' }, runId: null });
  expect(idle.text).toMatch(/^The last run of the session \S+ failed \(model_unavailable\): The model is gone\./);
});

test('perdure why with a session prints a paragraph', async () => {
  const key = newKey('local');
  await converse(database.db, key, 'm1');
  const { gateway } = startGateway(database.db);
  await using served = await serve(gateway);
  const shown = await runCli(['why', key.session], { PERDURE_URL: served.url });
  expect(shown.stdout).toMatch(
    new RegExp(`^The session ${key.session} is active and waits for a message from the user, since .* ago\\). Nothing`),
  );
  const json = await runCli(['why', key.session, '--json'], { PERDURE_URL: served.url });
  expect(JSON.parse(json.stdout)).toMatchObject({ waitingFor: { what: 'message' }, workers: 1 });
});

async function serve(gateway: Parameters<typeof serveGateway>[0]['gateway']) {
  const served = await serveGateway({ gateway, port: 0 });
  return { url: served.url, [Symbol.asyncDispose]: () => served.close() };
}

test('perdure why of a run without a session shows the run, and while it is open also what it waits for', async () => {
  const { db } = database;
  const key = newKey('local');
  const { runId } = await send(db, key, { id: 'm1', content: 'hello' }, { kind: 'run' });
  expect(runId).toBe(key.session);
  const { gateway } = startGateway(database.db);
  await using served = await serve(gateway);
  const env = { PERDURE_URL: served.url };
  const going = await runCli(['why', runId], env);
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId)));
  const over = await runCli(['why', runId], env);
  expect(going.stdout).toMatch(
    new RegExp(`^The session ${runId} is active and waits for a worker.*\n\nrun ${runId}: `),
  );
  expect(over.stdout).toMatch(new RegExp(`^run ${runId}: completed\n`));
});

test('a late reader of the stream gets the failed attempt that is being retried, and that no worker is running', async () => {
  const { db } = database;
  const key = newKey('local');
  const { runId } = await send(db, key, { id: 'm1', content: 'one' });
  const { step, attempt } = await beginModel(db, key, runId);
  const failed = { runId, step, attempt, errorCode: 'server_error', usage: null, cost: UNKNOWN_COST };
  await countFailedCall(db, key, { ...failed, firstTokenMs: null, durationMs: 1, retryInMs: 60_000 });
  const { call: http, sender } = startGateway(db);
  const response = await http('GET', sessionPath(key.session, 'events'));
  const frames = await readFrames(response, ({ type }) => type === 'attempt.failed');
  expect(frames.at(-1)).toMatchObject({
    id: undefined,
    data: { runId, step, attempt, code: 'server_error', retryAt: expect.any(String) },
  });
  const why = (await (await http('GET', sessionPath(key.session, 'why'))).json()) as SessionWhy;
  expect(why.retry).toMatchObject({ step, attempt, code: 'server_error' });

  sender.noWorker = true;
  const waits = await readFrames(
    await http('GET', sessionPath(key.session, 'events')),
    ({ type }) => type === 'run.waiting',
  );
  expect(waits.at(-1)?.data).toMatchObject({ runId, waitingFor: { what: 'worker' } });
});
