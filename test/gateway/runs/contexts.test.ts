import { expect, test } from 'vitest';
import { callContextSchema, type CallContext } from '../../../contracts/session/call-context.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { finishTools } from '../../../store/runs/finish-tools.ts';
import { startTool } from '../../../store/runs/start-tool.ts';
import { beginModel, call, newKey, pin, replyTo, send } from '../../store/conversation.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { servedGateway, sessionPath, startGateway } from '../start-gateway.ts';

const CLOCK = {
  name: 'clock',
  description: 'Returns the time.',
  parameters: {},
  idempotent: true,
  timeoutMs: 20_000,
  retry: {},
};
const database = embeddedDatabase();

/** A run of two steps with a tool between them. The second step has a record of its context. */
async function runWithTool(key: SessionKey): Promise<string> {
  const { db } = database;
  const spec = { name: 'assistant', instructions: 'Be brief.' };
  await saveAgentVersion(db, { hash: pin().hash, spec, tools: [CLOCK] });
  const { runId } = await send(db, key, { id: 'm1', content: 'What time is it?' });
  await commitStep(db, key, replyTo(runId, await beginModel(db, key, runId), { text: '', toolCalls: [call('c1')] }));
  await startTool(db, key, { runId, callId: 'c1', idempotent: true, maxAttempts: 3 });
  const results = [{ callId: 'c1', outcome: { status: 'completed', result: 'noon' }, durationMs: 5 } as const];
  await finishTools(db, key, { runId, results });
  const position = await beginModel(db, key, runId);
  const context = { throughSeq: position.throughSeq, runs: 20 };
  await commitStep(db, key, { ...replyTo(runId, position, { text: 'Noon.' }), context });
  return runId;
}

test('a context has the parts of the call with their origins, of its last step by default', async () => {
  const key = newKey('local');
  const runId = await runWithTool(key);
  const { call: http } = startGateway(database.db);
  const response = await http('GET', sessionPath(key.session, 'runs', runId, 'steps', 'last', 'context'));
  expect(response.status).toBe(200);
  const context = (await response.json()) as CallContext;
  expect(callContextSchema.parse(context)).toEqual(context);
  expect(context).toMatchObject({ runId, step: 2, attempt: 1, outcome: 'completed', recorded: true });
  expect(context.instructions).toMatchObject([{ origin: { kind: 'agent' }, text: 'Be brief.' }]);
  expect(context.messages.map(({ origin, message }) => [origin.kind, message.role, message.content])).toEqual([
    ['message', 'user', 'What time is it?'],
    ['reply', 'assistant', ''],
    ['tool', 'tool', 'noon'],
  ]);
  expect(context.tools).toMatchObject([{ origin: { kind: 'agent' }, tool: { name: 'clock' } }]);
  expect(context.tokens.reported).toBe(10);
  const parts = [...context.instructions, ...context.messages, ...context.tools];
  expect(parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(context.tokens.estimated);
});

test('a call without a record has the context of the settings of today, and says so', async () => {
  const key = newKey('local');
  const runId = await runWithTool(key);
  const { call: http } = startGateway(database.db);
  const first = await http('GET', `/v1/runs/${runId}/steps/1/context`);
  const context = (await first.json()) as CallContext;
  expect(context).toMatchObject({ step: 1, recorded: false });
  expect(context.messages).toMatchObject([{ message: { content: 'What time is it?' } }]);
});

test('a step, an attempt, a run or a session that there is not is a 404, and so are those of others', async () => {
  const key = newKey('local');
  const runId = await runWithTool(key);
  const { call: http } = startGateway(database.db);
  const statusOf = async (path: string, user = 'local') =>
    (await http('GET', path, undefined, { 'perdure-user': user })).status;
  expect(await statusOf(`/v1/runs/${runId}/steps/2/context`)).toBe(200);
  expect(await statusOf(`/v1/runs/${runId}/steps/2/context`, 'eve')).toBe(404);
  expect(await statusOf(sessionPath(key.session, 'runs', runId, 'steps', '2', 'context'), 'eve')).toBe(404);
  expect(await statusOf(`/v1/runs/${runId}/steps/3/context`)).toBe(404);
  expect(await statusOf(`/v1/runs/${runId}/steps/2/context?attempt=2`)).toBe(404);
  expect(await statusOf('/v1/runs/none/steps/1/context')).toBe(404);
  expect(await statusOf(sessionPath(key.session, 'runs', 'none', 'steps', '1', 'context'))).toBe(404);
  for (const step of ['0', '-1', 'x', '1.5', '99999999999']) {
    expect([step, await statusOf(`/v1/runs/${runId}/steps/${step}/context`)]).toEqual([step, 400]);
  }
  const { runId: queued } = await send(database.db, newKey('local'), { id: 'm1', content: 'hi' });
  const none = await http('GET', `/v1/runs/${queued}/steps/last/context`);
  expect(none.status).toBe(404);
  expect(await none.json()).toMatchObject({ detail: `The run "${queued}" has made no model call yet.` });
});

test('perdure context prints it in parts, and as JSON', async () => {
  const key = newKey('local');
  const runId = await runWithTool(key);
  const { env } = await servedGateway(database.db);
  const { code, stdout } = await runCli(['context', runId], env);
  expect(code).toBe(0);
  expect(stdout).toContain(`run ${runId}, step 2, attempt 1: scripted/one\nsession ${key.session}\n`);
  expect(stdout).toContain('3 messages, 1 tool, about ');
  expect(stdout).toMatch(/\n\ninstructions {2}of the agent, \d+ tokens\nBe brief\.\n\nuser {2}message m1, /);
  expect(stdout).toMatch(/\n\ntool {2}result of c1, step 1, \d+ tokens\nnoon\n/);
  expect(stdout).not.toContain('settings of today');
  const first = await runCli(['context', key.session, runId, '--step', '1'], env);
  expect(first.stdout).toContain('settings of today');
  const json = await runCli(['context', runId, '--json'], env);
  expect(callContextSchema.parse(JSON.parse(json.stdout))).toMatchObject({ runId, step: 2 });
  const none = await runCli(['context', runId, '--step', '9'], env);
  expect([none.code, none.stderr]).toEqual([4, expect.stringContaining('has no model call in step 9')]);
  const wrong = await runCli(['context', runId, '--step', '0'], env);
  expect(wrong.code).toBe(2);
});
