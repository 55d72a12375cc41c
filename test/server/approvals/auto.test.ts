import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  defineApprovalEvaluator,
  defineApprovalPredicate,
  type Evaluation,
} from '../../../agents/approvals/define-approval.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import { lastOutput, pay, startAskingStack, type AskingStack } from '../../support/asking-stack.ts';

/** What the evaluator does, by the amount. */
const EVALUATIONS: Record<number, () => unknown> = {
  1: (): Evaluation => ({ decision: 'approve', confidence: 0.95 }),
  2: (): Evaluation => ({ decision: 'deny', confidence: 1, reason: 'not on Sundays' }),
  3: (): Evaluation => ({ decision: 'pass', confidence: 1 }),
  4: (): Evaluation => ({ decision: 'approve', confidence: 0.4 }),
  5: () => {
    throw new Error('The rules are away.');
  },
  6: () => ({ decision: 'approve', confidence: 7 }),
  7: () => 'approve',
};

const AGENTS: readonly AgentSpec[] = [
  { name: 'auto', tools: [{ name: 'pay', approval: 'auto' }], approvals: { evaluator: 'rules' } },
  { name: 'lenient', tools: [{ name: 'pay', approval: 'auto' }], approvals: { evaluator: 'rules', threshold: 0.3 } },
  { name: 'lost', tools: [{ name: 'pay', approval: 'auto' }], approvals: { evaluator: 'nowhere' } },
  { name: 'when', tools: [{ name: 'pay', approval: { when: 'much' } }] },
  { name: 'never', tools: [{ name: 'pay', approval: 'never' }] },
];

let asking: AskingStack;
beforeAll(async () => {
  asking = await startAskingStack({
    agents: AGENTS,
    approvals: [
      defineApprovalEvaluator({
        name: 'rules',
        evaluate: (args) => EVALUATIONS[(args as { euros: number }).euros]?.() as Evaluation,
      }),
      defineApprovalPredicate({
        name: 'much',
        when: (args) => {
          const { euros } = args as { euros: number };
          if (euros === 666) throw new Error('no');
          return euros > 100;
        },
      }),
    ],
  });
});
afterAll(() => asking[Symbol.asyncDispose]());

/** Whether a person is asked about the payment, and the output of the run if nobody is. */
async function outcome(agent: string, euros: number): Promise<string> {
  const { stack } = asking;
  const key = stack.key(`${agent}-${euros}`);
  await stack.sender.submit(key, { content: JSON.stringify([pay(euros)]), agent });
  const events = await stack.until(key, (found) =>
    found.some(({ type }) => type === 'approval.requested' || type === 'run.completed'),
  );
  return events.some(({ type }) => type === 'approval.requested') ? 'asked' : lastOutput(events);
}

test.each([
  ['an evaluator approves', 'auto', 1, 'paid 1'],
  ['an evaluator denies, with its reason', 'auto', 2, 'Error: The call was not approved. Reason: not on Sundays'],
  ['an evaluator passes on', 'auto', 3, 'asked'],
  ['a confidence below the threshold does not count', 'auto', 4, 'asked'],
  ['the threshold is a setting of the agent', 'lenient', 4, 'paid 4'],
  ['an evaluator that throws asks a person', 'auto', 5, 'asked'],
  ['a confidence above 1 does not count', 'auto', 6, 'asked'],
  ['a value that is no decision asks a person', 'auto', 7, 'asked'],
  ['an evaluator that the worker does not have asks a person', 'lost', 1, 'asked'],
  ['a predicate is false', 'when', 100, 'paid 100'],
  ['a predicate is true', 'when', 101, 'asked'],
  ['a predicate that throws asks a person', 'when', 666, 'asked'],
  ["the agent's approval replaces that of the tool", 'never', 9, 'paid 9'],
])('%s', async (_, agent, euros, expected) => {
  expect(await outcome(agent, euros)).toBe(expected);
});
