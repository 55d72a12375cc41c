import { expect, test } from 'vitest';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { defineHistoryProvider } from '../../../agents/context/define-history-provider.ts';
import { defineAgent } from '../../../agents/define-agent.ts';
import { loadTemplates, registerAgents } from '../../../agents/templates/load-templates.ts';
import { TemplateError } from '../../../agents/templates/template-error.ts';
import { FACE, folderOf } from '../../support/template-files.ts';

const MODULE = `import { defineContextProvider, defineHistoryProvider } from '${FACE}';
export const crm = defineHistoryProvider({ name: 'crm', load: () => [] });
export const facts = defineContextProvider({ name: 'facts', beforeRun: () => ({}) });
`;

async function load(template: string) {
  return await loadTemplates(await folderOf({ 'a.yaml': template, 'crm.ts': MODULE }));
}

async function problemsOf(template: string): Promise<readonly string[]> {
  const error: unknown = await load(template).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TemplateError);
  return (error as TemplateError).problems.map(({ line, field, message }) => `${line} ${field}: ${message}`);
}

test('a template names a history provider that a module exports, with its switches', async () => {
  const registry = await load('name: a\nhistory: { provider: crm, storeInputs: false }\n');
  expect(registry.agent('a')?.spec.history).toEqual({ provider: 'crm', storeInputs: false });
  expect(registry.contextProvider?.('crm')).toMatchObject({ isHistory: true });
});

test('in TypeScript an agent takes a history provider as an object, and gives the same spec', () => {
  const crm = defineHistoryProvider({ name: 'crm', store: () => {} });
  const agent = defineAgent({ name: 'a', history: { provider: crm, load: false } });
  expect(agent.spec.history).toEqual({ provider: 'crm', load: false });
  expect(registerAgents([agent]).contextProvider?.('crm')).toBe(crm.definition);
});

test('a history that is none is refused where it stands', async () => {
  expect(await problemsOf('name: a\nhistory: { provider: crn }\n')).toEqual([
    '2 history.provider: unknown history provider "crn"; did you mean "crm"?',
  ]);
  expect(await problemsOf('name: a\nhistory: sevice\n')).toEqual([
    '2 history: must be true, false, service, or { provider: NAME }, got "sevice"',
  ]);
  expect(await problemsOf('name: a\nhistory: { provider: facts }\n')).toEqual([
    '2 history.provider: "facts" is a context provider, which gives no history; list it in `context`, or define a history provider with defineHistoryProvider',
  ]);
  expect(await problemsOf('name: a\ncontext: [crm]\n')).toEqual([
    '2 context[0]: "crm" is a history provider; name it in `history: { provider: crm }`',
  ]);
  expect(await problemsOf('name: a\ncontext: [crm]\nhistory: { provider: crm }\n')).toEqual([
    '3 history.provider: the provider "crm" is listed in `context`, too; remove one',
  ]);
});

test('a definition without load and store, or with another thing, is refused', () => {
  expect(() => defineHistoryProvider({ name: 'crm' })).toThrow(
    'The history provider "crm" is not valid: define at least one of load and store.',
  );
  expect(() => defineHistoryProvider({ name: 'crm', load: 'x' as never })).toThrow('load must be a function');
  expect(() => defineHistoryProvider({ name: 'c r m', load: () => [] })).toThrow(TypeError);
  expect(defineContextProvider({ name: 'facts', beforeRun: () => ({}) }).definition.isHistory).toBeUndefined();
});
