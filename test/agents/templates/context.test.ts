import { expect, test } from 'vitest';
import { z } from 'zod';
import { documents } from '../../../agents/context/documents.ts';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';
import { userProfile } from '../../../agents/context/user-profile.ts';
import { defineAgent } from '../../../agents/define-agent.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import { loadTemplates, registerAgents } from '../../../agents/templates/load-templates.ts';
import { FACE, folderOf, problemsOf } from '../../support/template-files.ts';

const CRM = `import { defineContextProvider } from '${FACE}';
export const crm = defineContextProvider({ name: 'crm', beforeRun: () => ({ instructions: 'From the CRM.' }) });
`;

test('a template lists context providers by name, in order, with options, and its version pins them', async () => {
  const folder = await folderOf({
    'a.yaml': 'name: a\ncontext:\n  - crm\n  - documents: { folder: ./handbook }\n',
    'b.yaml': 'name: a2\ncontext:\n  - crm\n  - documents: { folder: ./handbook, passages: 5 }\n',
    'crm.ts': CRM,
    'handbook/a.md': '# Hi',
  });
  const registry = await loadTemplates(folder);
  expect(registry.agent('a')?.spec.context).toEqual(['crm', { documents: { folder: './handbook' } }]);
  expect(registry.agent('a')?.hash).not.toBe(registry.agent('a2')?.hash);
  expect(registry.contextProvider?.('crm')?.beforeRun).toBeTypeOf('function');
  expect(registry.contextProvider?.('documents')?.name).toBe('documents');
  expect(registry.folder).toBe(folder);
});

test('in TypeScript an agent takes providers as objects, and gives the same spec', () => {
  const agent = defineAgent({ name: 'a', context: [userProfile, documents({ folder: './handbook' }), 'crm'] });
  expect(agent.spec.context).toEqual(['userProfile', { documents: { folder: './handbook' } }, 'crm']);
  expect(defineAgent({ ...agent.spec, name: 'b' }).spec.context).toEqual(agent.spec.context);
});

test('an agent that lists no context provider has the version that it had before there were any', () => {
  const agent = registerAgents([defineAgent({ name: 'a', instructions: 'Help.' })]).agent('a');
  expect(agent?.hash).toBe('d10d8063062db293ad0c4373635a5979d56b14f764a242d84a8be02d6f12b433');
});

test('an unknown context provider is an error with file, line, field and the closest name', async () => {
  expect(await problemsOf({ 'a.yaml': 'name: a\ncontext:\n  - userProfil\n  - documnts: { folder: x }\n' })).toEqual([
    'a.yaml:3:5 context[0]: unknown context provider "userProfil"; did you mean "userProfile"?',
    'a.yaml:4:5 context[1].documnts: unknown context provider "documnts"; did you mean "documents"?',
  ]);
});

test.each<[string, string, string]>([
  [
    'options of the wrong type',
    '[{ documents: { folder: 3 } }]',
    'a.yaml:2:26 context[0].documents.folder: expected string, got 3',
  ],
  ['a missing option', '[documents]', 'a.yaml:2:11 context[0].folder: missing, expected string'],
  ['an unknown option', '[{ documents: { folder: ., pasages: 3 } }]', 'unknown field; did you mean "passages"?'],
  [
    'a folder that does not exist',
    '[{ documents: { folder: ./hanbook } }]',
    'the folder "./hanbook" does not exist in FOLDER',
  ],
  [
    'options for a provider without',
    '[{ userProfile: { a: 1 } }]',
    'the context provider "userProfile" takes no options',
  ],
  [
    'a provider listed twice',
    '[userProfile, userProfile]',
    'a.yaml:2:24 context[1]: the context provider "userProfile" is listed twice',
  ],
  ['two providers in one item', '[{ userProfile: {}, documents: {} }]', 'must have one key'],
  ['a value that is no list', 'userProfile', 'context: expected array, got "userProfile"'],
])('%s is an error that names its place', async (_what, context, problem) => {
  expect((await problemsOf({ 'a.yaml': `name: a\ncontext: ${context}\n` })).join('\n')).toContain(problem);
});

test('two context providers of one name are an error, and one that is defined replaces the shipped one', async () => {
  expect(await problemsOf({ 'a.yaml': 'name: a\n', 'b.ts': CRM, 'c.ts': `${CRM}// other\n` })).toEqual([
    'c.ts:null:null context: another context provider is already called "crm"; rename one of them',
  ]);
  const mine = CRM.replace("'crm'", "'documents'");
  const registry = await loadTemplates(await folderOf({ 'a.yaml': 'name: a\ncontext: [documents]\n', 'b.ts': mine }));
  expect(registry.contextProvider?.('documents')?.optionsSchema).toBeNull();
});

test('a folder with context providers and no agent is an error', async () => {
  expect(await problemsOf({ 'b.ts': CRM })).toEqual([expect.stringContaining('no agent')]);
});

const tool = (name: string) => defineTool({ name, description: 'D.', parameters: z.object({}), execute: () => null });

test('the tools of a context provider are tools of the worker, under unique names', () => {
  const provider = (own: ReturnType<typeof tool>) =>
    defineContextProvider({ name: 'p', tools: [own], beforeRun: () => ({ tools: [own] }) });
  const own = tool('lookup');
  const registry = registerAgents([defineAgent({ name: 'a', context: [provider(own)] })]);
  expect(registry.tool('lookup')).toBe(own);
  expect(registry.agent('a')?.tools).toEqual([]);
  expect(() => registerAgents([defineAgent({ name: 'a', tools: [tool('lookup')], context: [provider(own)] })])).toThrow(
    'another tool is already called "lookup"',
  );
});

test('an invalid definition lists every problem with its remedy', () => {
  expect(() => defineContextProvider({ name: 'a b', timeoutMs: 0 })).toThrow(
    /The context provider "a b" is not valid: name: .*timeoutMs: .*>=1, got 0/,
  );
  expect(() => defineContextProvider({ name: 'a' })).toThrow('beforeRun: missing, as is afterRun; define');
  const stateSchema = z.object({ count: z.number() });
  expect(() => defineContextProvider({ name: 'a', stateSchema, beforeRun: () => undefined })).toThrow('must accept {}');
  expect(() => documents({ folder: '' })).toThrow('The options of the context provider "documents" are not valid');
});
