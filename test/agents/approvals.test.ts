import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../../agents/define-agent.ts';
import { defineApprovalEvaluator, defineApprovalPredicate } from '../../agents/approvals/define-approval.ts';
import { defineClientTool } from '../../agents/define-client-tool.ts';
import { defineTool } from '../../agents/define-tool.ts';
import { loadTemplates, registerAgents } from '../../agents/templates/load-templates.ts';
import { askUser } from '../../agents/tools/ask-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const parameters = z.object({ euros: z.number() });
const pay = (approval?: 'never' | 'always' | (() => boolean)) =>
  defineTool({ name: 'pay', description: 'Pays.', parameters, execute: () => 1, ...(approval ? { approval } : {}) });

/** The approval that a run of an agent pins for its tool. */
function pinned(tool: ReturnType<typeof pay>, listed?: 'never' | 'always') {
  const tools = listed === undefined ? [tool] : [tool, 'clock'];
  const base = defineAgent({ name: 'a', tools });
  const spec = listed === undefined ? base.spec : { ...base.spec, tools: [{ name: 'pay', approval: listed }] };
  const registry = registerAgents([{ ...base, spec }]);
  return registry.agent('a')?.tools.find(({ name }) => name === 'pay')?.approval;
}

test("a run pins the approval of its agent, else the tool's own; none if no call needs one", () => {
  expect(pinned(pay())).toBeUndefined();
  expect(pinned(pay('never'))).toBeUndefined();
  expect(pinned(pay('always'))).toBe('always');
  expect(pinned(pay(() => true))).toBe('function');
  expect(pinned(pay('always'), 'never')).toBeUndefined();
  expect(pinned(pay(), 'always')).toBe('always');
});

test('a client tool has the JSON Schema of its result, and no code', () => {
  const tool = defineClientTool({
    name: 'locate',
    description: 'Locates.',
    parameters: z.object({}),
    result: z.object({ city: z.string() }),
    timeoutMs: 60_000,
  });
  expect(tool.client).toMatchObject({ result: { properties: { city: { type: 'string' } } }, timeoutMs: 60_000 });
  const broken = { name: 'x', description: 'x', parameters: z.object({}), timeoutMs: 5 };
  expect(() => defineClientTool(broken)).toThrow('The client tool "x" is not valid: timeoutMs');
});

test('the answer to a question is text, one of its choices, or JSON of its schema', () => {
  const schema = { type: 'object', properties: { size: { type: 'number' } } };
  expect(askUser.resultSchemaFor?.({ question: 'Which?' })).toEqual({ type: 'string' });
  expect(askUser.resultSchemaFor?.({ question: 'Which?', choices: ['a', 'b'] })).toMatchObject({ enum: ['a', 'b'] });
  expect(askUser.resultSchemaFor?.({ question: 'Which?', schema })).toEqual(schema);
});

test.each([
  ['an approval that is none', { approval: 'sometimes' }, 'approval: must be "never", "always" or a function'],
])('%s is a TypeError that names the field', (_, options, problem) => {
  expect(() => defineTool({ ...pay(), ...options } as unknown as Parameters<typeof defineTool>[0])).toThrow(problem);
});

test('a predicate and an evaluator need a name and a function', () => {
  expect(() => defineApprovalPredicate({ name: 'a b', when: () => true })).toThrow('The approval predicate "a b"');
  expect(() => defineApprovalEvaluator({ name: 'a' } as never)).toThrow('evaluate: ');
});

test('an evaluator is a function or a model with criteria, and nothing of both', () => {
  const evaluator = defineApprovalEvaluator({ name: 'a', model: 'openai/small', criteria: 'Approve all.' });
  expect(evaluator).toMatchObject({ name: 'a', criteria: 'Approve all.' });
  expect(() => defineApprovalEvaluator({ name: 'a', criteria: '' })).toThrow('criteria: ');
  const both = { name: 'a', criteria: 'Approve all.', evaluate: () => ({ decision: 'pass', confidence: 1 }) };
  expect(() => defineApprovalEvaluator(both as never)).toThrow('evaluate');
});

test('a template has a model with criteria for all tools or for each; a tool without criteria is a problem', async () => {
  const folder = await temporaryFolder();
  const load = async (approvals: string) => {
    await writeFile(join(folder, 'a.yaml'), yaml('  - { name: pay, approval: auto }', `approvals: ${approvals}`));
    return (await loadTemplates(folder, { tools: [pay()] })).agent('a')?.spec.approvals?.evaluator;
  };
  const criteria = 'Approve up to 50 euros.';
  expect(await load(`{ evaluator: { criteria: ${criteria} } }`)).toEqual({ criteria });
  const evaluator = `{ model: openai/small, criteria: { pay: ${criteria} } }`;
  expect(await load(`{ evaluator: ${evaluator} }`)).toEqual({ model: 'openai/small', criteria: { pay: criteria } });
  await expect(load(`{ evaluator: { criteria: { pays: ${criteria} } } }`)).rejects.toThrow(
    'tools[0].approval: is "auto", but the evaluator has no criteria for "pay"; add approvals.evaluator.criteria.pay',
  );
  await expect(load(`{ evaluator: { model: openai/small } }`)).rejects.toThrow('approvals.evaluator');
  await expect(load(`{ evaluator: { criteria: ${'x'.repeat(8_001)} } }`)).rejects.toThrow('approvals.evaluator');
});

const yaml = (tools: string, approvals = '') => `name: a\ntools:\n${tools}\n${approvals}`;

test('templates name predicates and evaluators that modules export; what is wrong is named with its place', async () => {
  const folder = await temporaryFolder();
  const index = pathToFileURL(join(import.meta.dirname, '../../agents/index.ts')).href;
  await writeFile(
    join(folder, 'rules.ts'),
    `import { defineApprovalEvaluator, defineApprovalPredicate } from '${index}';
     export const much = defineApprovalPredicate({ name: 'much', when: () => true });
     export const rules = defineApprovalEvaluator({ name: 'rules', evaluate: () => ({ decision: 'pass', confidence: 1 }) });`,
  );
  const load = async (text: string) => {
    await writeFile(join(folder, 'a.yaml'), text);
    return await loadTemplates(folder, { tools: [pay(), askUser] });
  };
  const registry = await load(yaml('  - { name: pay, approval: { when: much } }\n  - { client: ask_user }'));
  expect(registry.agent('a')?.tools).toMatchObject([{ approval: { when: 'much' } }, { client: {} }]);
  expect(registry.approvalPredicate?.('much')).toBeDefined();
  await expect(load(yaml('  - { name: pay, approval: { when: mucho } }'))).rejects.toThrow(
    'unknown approval predicate "mucho"; did you mean "much"?',
  );
  await expect(load(yaml('  - { name: pay, approval: auto }'))).rejects.toThrow('names no evaluator');
  await expect(load(yaml('  - pay', 'approvals: { evaluator: rule }'))).rejects.toThrow('unknown approval evaluator');
  await expect(load(yaml('  - { client: pay }'))).rejects.toThrow('has code, so no client executes it');
  await expect(load(yaml('  - { name: ask_user, approval: always }'))).rejects.toThrow('executed by a client');
});
