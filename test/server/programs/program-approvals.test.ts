import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../agents/tools/run-program.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { listPendingItems } from '../../../store/inbox/list-items.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { NO_SPAN, NO_TRACING, type Tracing } from '../../../telemetry/tracing.ts';
import { lastOutput, startAskingStack, toolCall, type AskingStack } from '../../support/asking-stack.ts';

const CODER: AgentSpec = { name: 'assistant', tools: ['pay', 'look', 'locate'], codeMode: true };

let asking: AskingStack;
const failedSpans: string[] = [];
/** Traces nothing, and notes the spans that fail. */
const tracing: Tracing = {
  ...NO_TRACING,
  span: (name, _, work) => work({ ...NO_SPAN, fail: () => failedSpans.push(name) }),
};
beforeAll(async () => {
  const telemetry = createTelemetry({ tracing });
  asking = await startAskingStack({ agents: [CODER], tools: [runProgram], telemetry });
});
afterAll(() => asking[Symbol.asyncDispose]());

const program = (source: string) => [toolCall('run_program', { source })];
const paidIn = (session: string) => asking.payments.filter((one) => one.session === session).map(({ euros }) => euros);

test('a call of a program that needs an approval suspends the program, and is made with the arguments that were approved', async () => {
  const { stack } = asking;
  const key = stack.key('asks');
  const source = `
    const before = await tools.look({});
    const paid = await tools.pay({ euros: 7 });
    return [before, paid, await tools.look({})];`;
  const [item] = await asking.ask(key, program(source));
  expect(item).toMatchObject({ tool: 'pay', callId: 'run_program/2', arguments: { euros: 7 } });
  await stack.until(key, (events) => events.some(({ type }) => type === 'approval.requested'));
  await asking.approve(key, item, { arguments: { euros: 2 } });
  expect(JSON.parse(lastOutput(await stack.ended(key)))).toEqual(['looked', 'paid 2', 'looked']);
  expect(paidIn('asks')).toEqual([2]);
});

test('a program that was suspended has not failed: it is one tool call in metrics and traces', async () => {
  const { stack } = asking;
  const count = async (line: string): Promise<number> => {
    const { text } = await stack.telemetry.metrics.scrape();
    const found = text.split('\n').find((one) => one.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? 0);
  };
  const metric = 'gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name="run_program",error_type=""}';
  const answers = 'perdure_inbox_answer_seconds_count{kind="approval",outcome="approved"}';
  const [before, answered] = [await count(metric), await count(answers)];
  const key = stack.key('measured');
  const [item] = await asking.ask(key, program(`return await tools.pay({ euros: 6 });`));
  await asking.approve(key, item);
  expect(lastOutput(await stack.ended(key))).toBe('paid 6');
  expect(await count(metric)).toBe(before + 1);
  const { text } = await stack.telemetry.metrics.scrape();
  expect(text).not.toMatch(/gen_ai_tool_name="run_program",error_type="[a-z]/);
  expect(failedSpans).toEqual([]);
  // Answered by an update of Temporal, without a gateway.
  expect(await count(answers)).toBe(answered + 1);
});

test('a rejected call is an error in the program', async () => {
  const { stack } = asking;
  const key = stack.key('rejected');
  const [item] = await asking.ask(
    key,
    program(`return await tools.pay({ euros: 9 }).catch((error) => error.message);`),
  );
  await asking.approve(key, item, { decision: 'reject', reason: 'too much' });
  expect(lastOutput(await stack.ended(key))).toBe('The call was not approved. Reason: too much');
  expect(paidIn('rejected')).toEqual([]);
});

test('several calls wait side by side, are answered in any order, and each is made once', async () => {
  const { stack } = asking;
  const key = stack.key('several');
  const source = `
    const paid = await Promise.all([1, 2, 3].map((euros) => tools.pay({ euros })));
    return [...paid, await tools.locate({})];`;
  await asking.ask(key, program(source));
  await stack.until(key, (events) => events.filter(({ type }) => type === 'approval.requested').length === 3);
  const items = await listPendingItems(stack.db, key);
  for (const at of [2, 0, 1]) await asking.approve(key, items[at]);
  await stack.until(key, (events) => events.some(({ type }) => type === 'client_call.requested'));
  const [client] = await listPendingItems(stack.db, key);
  await asking.answer(key, client, { result: { city: 'Rome' } });
  const output = JSON.parse(lastOutput(await stack.ended(key)));
  expect(output).toEqual(['paid 1', 'paid 2', 'paid 3', { city: 'Rome' }]);
  expect(paidIn('several').toSorted((one, other) => one - other)).toEqual([1, 2, 3]);
});

test('a program that ends while a call waits has its outcome after the answer', async () => {
  const { stack } = asking;
  const key = stack.key('unawaited');
  const [item] = await asking.ask(key, program(`tools.pay({ euros: 4 }); return 'over';`));
  await asking.approve(key, item);
  expect(lastOutput(await stack.ended(key))).toBe('over');
  expect(paidIn('unawaited')).toEqual([4]);
});

test('a cancel withdraws what a program waits for', async () => {
  const { stack } = asking;
  const key = stack.key('cancelled');
  await asking.ask(key, program(`return await tools.pay({ euros: 5 });`));
  await stack.sender.cancel(key, {});
  const events = await stack.ended(key);
  expect(lastOutput(events)).toBe('run.cancelled');
  expect(events).toContainEqual(expect.objectContaining({ type: 'approval.withdrawn', tool: 'pay' }));
  expect(paidIn('cancelled')).toEqual([]);
});
