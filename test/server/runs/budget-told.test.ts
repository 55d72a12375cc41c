import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveUserLimits } from '../../../store/budgets/user-budgets.ts';
import { createLog } from '../../../telemetry/log.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** In what is said, and in no line of the log. */
const SECRET = 'hunter2';

let stack: Stack;
/** No model answers before it is resolved. */
let answering = Promise.resolve();
const lines: Record<string, unknown>[] = [];
const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
const telemetry = createTelemetry({ log: createLog({ level: 'info', format: 'json', write }) });

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    telemetry,
    // A token of an answer costs a cent; an answer has 80, and 100 at most.
    deployment: {
      prices: [{ model: 'function/*', inputUsd: 0, outputUsd: 10_000 }],
      budgets: { maxOutputTokens: 100, monthlyUsd: 3, dailyWarnUsd: null },
    },
    model: async () => {
      await answering;
      return { text: SECRET, usage: { inputTokens: 10, outputTokens: 80, cachedTokens: 0, reasoningTokens: 0 } };
    },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

const metric = async () =>
  [...(await telemetry.metrics.scrape()).text.matchAll(/^perdure_budget_warnings_total\{.*$/gm)].map(([line]) => line);

test('a budget that reaches its mark is told once a period: by one event, one line of the log and one count, over all sessions of its user', async () => {
  const { user } = stack.key();
  await saveUserLimits(stack.db, user, { monthlyUsd: 5 });
  // 80 % of $5.00 is reached by the fifth call; the sixth is beyond it already.
  const keys = ['one', 'two', 'three', 'four', 'five', 'six'].map((session) => ({ user, session }));
  for (const key of keys) {
    await stack.sender.submit(key, { content: SECRET });
    await stack.ended(key);
  }
  const events = (await Promise.all(keys.map((key) => stack.events(key)))).flat();
  expect(events.filter(({ type }) => type === 'budget.warned')).toMatchObject([
    { scope: 'month', unit: 'usd', kind: 'limit', used: 4, limit: 5, sessionId: 'five' },
  ]);
  const warned = lines.filter(({ msg }) => msg === 'Budget warning');
  expect(warned).toMatchObject([
    {
      level: 'warn',
      session: 'five',
      agent: 'assistant',
      code: 'month_usd',
      outcome: 'limit',
      run: expect.any(String),
    },
  ]);
  expect(await metric()).toEqual(['perdure_budget_warnings_total{scope="month",unit="usd",kind="limit"} 1']);
  expect(JSON.stringify(lines)).not.toContain(SECRET);
  expect(JSON.stringify(lines)).not.toContain(user);
});

test('why names the run that its budget ended, with the amounts, the reset and how to go on; resume does that', async () => {
  const key = stack.key('trip');
  const { env } = await servedGateway(stack.db, { sender: stack.sender, live: stack.live });
  const mine = { ...env, PERDURE_USER: key.user };
  // Both are admitted while there is budget; when the first has used its part, the rest is no longer enough.
  const admitted = Promise.withResolvers<void>();
  answering = admitted.promise;
  await stack.sender.submit(key, { id: 'm1', content: SECRET });
  const { runId: later } = await stack.sender.submit(key, { id: 'm2', content: SECRET });
  await saveUserLimits(stack.db, key.user, { monthlyUsd: 1.5 });
  admitted.resolve();
  expect((await stack.ended(key, 2)).filter(({ type }) => type === 'run.failed')).toHaveLength(1);

  const why = await runCli(['why', 'trip'], mine);
  expect(why).toMatchObject({ code: 0, stderr: '' });
  expect(why.stdout).toContain(
    `The last run of the session trip failed (budget_exceeded): The budget of the month has $0.80 of $1.50 used; the next call may use up to $1.00. It resets at `,
  );
  expect(why.stdout).toContain(`Once the budget allows it, \`perdure resume trip ${later}\` continues it`);

  await saveUserLimits(stack.db, key.user, { monthlyUsd: 5 });
  const resumed = await runCli(['resume', 'trip'], mine);
  expect(resumed).toEqual({
    code: 0,
    stdout: `Resuming run ${later} after its last completed step. Follow it with: perdure watch trip\n`,
    stderr: '',
  });
  expect((await stack.ended(key, 3)).at(-1)).toMatchObject({ type: 'run.completed', runId: later });

  const [none, named, unknown, json] = [
    await runCli(['resume', 'trip'], mine),
    await runCli(['resume', 'trip', later as string], mine),
    await runCli(['resume', 'nowhere'], mine),
    await runCli(['why', 'trip', '--json'], mine),
  ];
  expect(none).toMatchObject({
    code: 4,
    stdout: '',
    stderr: expect.stringContaining('No recent run of session trip failed'),
  });
  expect(named).toMatchObject({ code: 4, stderr: expect.stringContaining('completed') });
  expect(unknown).toMatchObject({ code: 4, stderr: expect.stringContaining('"nowhere"') });
  expect(JSON.parse(json.stdout)).toMatchObject({ waitingFor: { what: 'message' } });
});
