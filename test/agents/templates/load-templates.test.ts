import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { loadTemplates, type LoadOptions } from '../../../agents/templates/load-templates.ts';
import { TemplateError } from '../../../agents/templates/template-error.ts';
import { versionOf } from '../../../agents/agent-version.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { FACE, folderOf, problemsOf } from '../../support/template-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ZOD = import.meta.resolve('zod');

async function load(files: Readonly<Record<string, string | Buffer>>, options?: LoadOptions) {
  return loadTemplates(await folderOf(files), options);
}

test('a YAML template becomes an agent, pinned by its content', async () => {
  const registry = await load({
    'a.yaml': 'name: helper\ninstructions: Help.\ntools: [clock, calculator]\npolicy:\n  maxSteps: 4\nhistory: false\n',
  });
  const version = registry.agent('helper');
  expect(version?.spec).toEqual({
    name: 'helper',
    instructions: 'Help.',
    tools: ['clock', 'calculator'],
    policy: { maxSteps: 4 },
    history: false,
  });
  expect(version?.tools.map(({ name }) => name)).toEqual(['clock', 'calculator']);
  const tools = ['clock', 'calculator'].flatMap((name) => registry.tool(name) ?? []);
  expect(version?.hash).toBe(versionOf({ ...version!.spec }, tools).hash);
  expect(registry.agent('other')).toBeUndefined();
});

test('the order of keys in a template does not change its version', async () => {
  const one = await load({ 'a.yaml': 'name: a\ninstructions: Hi\ntemperature: 1\n' });
  const two = await load({ 'b.yml': '# a comment\ntemperature: 1.0\ninstructions: "Hi"\nname: a\n' });
  expect(one.agent('a')?.hash).toBe(two.agent('a')?.hash);
});

test('agents are listed by name, and the default is assistant, or else the first', async () => {
  const both = await load({ '1.yaml': 'name: zoe', '2.yml': 'name: assistant', '3.yaml': 'name: ada' });
  expect(both.list().map(({ name }) => name)).toEqual(['ada', 'assistant', 'zoe']);
  expect(both.defaultAgent).toBe('assistant');
  expect((await load({ '1.yaml': 'name: zoe', '2.yaml': 'name: ada' })).defaultAgent).toBe('ada');
});

test('a module gives every agent that it exports, with the tools that they bring along', async () => {
  const registry = await load({
    'two.ts': `import { defineAgent, defineTool } from '${FACE}';
import { z } from '${ZOD}';
const shared = defineTool({ name: 'shared', description: 'Shared.', parameters: z.object({}), execute: (): number => 7 });
export const one = defineAgent({ name: 'one', tools: [shared, 'clock'] });
export const two = defineAgent({ name: 'two', tools: [shared] });
export const alias = two;
export const notAnAgent = { name: 'three' };
`,
    'three.js': `import { defineAgent } from '${FACE}';\nexport const three = defineAgent({ name: 'three' });\n`,
    'types.d.ts': 'export type Nothing = never;',
    '.hidden.yaml': 'not: read',
    'README.md': 'not read',
  });
  expect(registry.list().map(({ name }) => name)).toEqual(['one', 'three', 'two']);
  expect(registry.agent('one')?.tools.map(({ name }) => name)).toEqual(['shared', 'clock']);
  expect(await registry.tool('shared')?.execute({}, undefined as never)).toBe(7);
});

test('tools given to the loader replace the built-in ones', async () => {
  const mine = defineTool({ name: 'mine', description: 'Mine.', parameters: z.object({}), execute: () => null });
  const registry = await load({ 'a.yaml': 'name: a\ntools: [mine]' }, { tools: [mine] });
  expect(registry.tool('mine')).toBe(mine);
  expect(registry.tool('clock')).toBeUndefined();
});

test('an empty or absent folder gives the example agent, and says so', async () => {
  const folder = await temporaryFolder();
  for (const path of [folder, join(folder, 'absent')]) {
    const notices: string[] = [];
    const registry = await loadTemplates(path, { onNotice: (notice) => notices.push(notice) });
    expect(registry.defaultAgent).toBe('assistant');
    expect(registry.agent('assistant')?.tools).not.toEqual([]);
    expect(notices).toEqual([expect.stringContaining(`No agent templates in ${path}`)]);
  }
});

test('a folder with templates gives no notice', async () => {
  await load({ 'a.yaml': 'name: a' }, { onNotice: (notice) => expect.unreachable(notice) });
});

test('all that is wrong in all files is told at once, with file, line, column and field', async () => {
  expect(
    await problemsOf({
      'a.yaml': 'name: a\ninstruction: Hi\ntemperature: hot\npolicy:\n  retry:\n    maxAttempts: 0\n',
      'b.yaml': 'name: b\ntools:\n  - clock\n  - calcualtor\n',
      'c.yaml': 'name: "c\n',
    }),
  ).toEqual([
    'a.yaml:3:1 temperature: expected number, got "hot"',
    'a.yaml:6:5 policy.retry.maxAttempts: expected number to be >=1, got 0',
    'a.yaml:2:1 instruction: unknown field; did you mean "instructions"?',
    'c.yaml:2:1 : invalid YAML: a quote that is not closed; add the closing one',
    'b.yaml:4:5 tools[1]: unknown tool "calcualtor"; did you mean "calculator"?',
  ]);
});

test.each<[string, string | Buffer, string]>([
  ['a missing name', '\ntemperature: 1\n', 'x.yaml:2:1 name: missing, expected string'],
  ['a bad name', 'name: a b\n', 'x.yaml:1:1 name: must be 1 to 64 letters, digits, ".", "_" or "-", got "a b"'],
  ['tools that are no list', 'name: a\ntools: clock\n', 'x.yaml:2:1 tools: expected array, got "clock"'],
  ['a tool that is no name', 'name: a\ntools: [clock, 5]\n', 'x.yaml:2:16 tools[1]: expected string or object, got 5'],
  [
    'a tool far from any',
    'name: a\ntools: [zzz]\n',
    'x.yaml:2:9 tools[0]: unknown tool "zzz"; known tools: calculator, clock',
  ],
  ['a tool listed twice', 'name: a\ntools: [clock, clock]\n', 'x.yaml:2:16 tools[1]: the tool "clock" is listed twice'],
  ['a choice of no tool', 'name: a\ntoolChoice: clock\n', 'x.yaml:2:1 toolChoice: "clock" is not one of'],
  ['an effort that there is not', 'name: a\nreasoningEffort: max\n', 'x.yaml:2:1 reasoningEffort: expected one of'],
  ['an empty file', '', 'x.yaml:1:1 : a template must be a map of fields'],
  ['a list', '- name: a\n', 'x.yaml:1:1 : a template must be a map of fields'],
  [
    'a key given twice',
    'name: a\nname : b\n',
    'x.yaml:2:1 : invalid YAML: the field "name" is given twice; remove one',
  ],
  ['two documents', 'name: a\n---\nname: b\n', 'x.yaml:2:1 : invalid YAML: more than one document; remove "---"'],
  ['a tab', 'name: a\npolicy:\n\tmaxSteps: 1\n', 'x.yaml:3:1 : invalid YAML: a tab is no indent; use spaces'],
  ['a text with a colon', 'name: a\ninstructions: Be: kind\n', 'put a text with ": " in quotes'],
  [
    'a text that is not indented',
    'name: a\ninstructions: |\n Be\nkind\n',
    'x.yaml:4:1 : invalid YAML: a line that is no',
  ],
  ['a field without a colon', 'name a\nstream: true\n', 'x.yaml:1:1 : invalid YAML: a line without ": "'],
  ['a special character', 'name: a\ninstructions: @you\n', 'a special character; put it in quotes'],
  ['a bracket that is not closed', 'name: a\ntools: [clock\nstream: true\n', 'a "[" without its "]"; add it'],
  ['a brace that is not closed', 'name: a\npolicy: { maxSteps: 1\n', 'a "{" without its "}"; add it'],
  [
    'an unknown tag',
    'name: !js a\n',
    'x.yaml:1:7 : invalid YAML: a text that begins with "!" is a tag; put it in quotes',
  ],
  ['an anchor that is not there', 'name: a\ndescription: *b\n', 'x.yaml:2:14 : invalid YAML: *b refers to no anchor'],
  ['bytes that are no UTF-8', Buffer.from([0x6e, 0xff]), 'x.yaml:null:null : cannot be used: it is not UTF-8 text'],
  ['a file too large', `# ${'x'.repeat(LIMITS.templateBytes.value)}`, 'bytes; the limit is 262144'],
])('%s is an error that names its place', async (_what, content, problem) => {
  const problems = await problemsOf({ 'x.yaml': content });
  expect(problems[0]).toContain(problem);
});

test('anchors that repeat each other without end are refused', async () => {
  const levels = Array.from({ length: 8 }, (_, at) => `  - &l${at + 1} [${Array(9).fill(`*l${at}`).join(', ')}]`);
  const problems = await problemsOf({ 'x.yaml': `name: a\ntools:\n  - &l0 [x]\n${levels.join('\n')}\n` });
  expect(problems).toEqual([expect.stringContaining('Excessive alias count')]);
});

/** A module with an agent that defines the tool `own`. */
const moduleOf = (agent: string): string => `import { defineAgent, defineTool } from '${FACE}';
import { z } from '${ZOD}';
const tool = defineTool({ name: 'own', description: 'Own.', parameters: z.object({}), execute: () => 1 });
export const agent = defineAgent({ name: '${agent}', tools: [tool] });
`;

test('a name used by two agents, or by two tools, is an error', async () => {
  const problems = await problemsOf({
    'a.yaml': 'name: same',
    'b.yaml': '\nname: same',
    'c.ts': moduleOf('c'),
    'd.ts': moduleOf('d'),
  });
  expect(problems).toEqual([
    'd.ts:null:null tools: another tool is already called "own"; rename one of them',
    expect.stringMatching(/^b\.yaml:2:1 name: the agent "same" is also defined in .*a\.yaml; rename one/),
  ]);
});

test('a module that cannot be loaded, or exports no agent, is an error with its line where there is one', async () => {
  const problems = await problemsOf({
    'bad-agent.ts': `import { defineAgent } from '${FACE}';\n\nexport const agent = defineAgent({ name: 'a', temperature: 9 });\n`,
    'empty.ts': 'export const nothing = 1;\n',
    'throws.js': '\nthrow new Error("on purpose");\n',
    'unknown-tool.ts': `import { defineAgent } from '${FACE}';\nexport const agent = defineAgent({ name: 'u', tools: ['clok'] });\n`,
  });
  expect(problems).toEqual([
    expect.stringMatching(
      /^bad-agent\.ts:3:\d+ : the module cannot be loaded: The agent "a" is not valid:\n {2}temperature/,
    ),
    expect.stringMatching(/^empty\.ts:null:null : the module exports no agent/),
    expect.stringMatching(/^throws\.js:2:\d+ : the module cannot be loaded: on purpose/),
    'unknown-tool.ts:null:null tools[0]: unknown tool "clok"; did you mean "clock"?',
  ]);
});

test('a folder of code without an agent is one problem, not one for each module', async () => {
  const modules = { 'a.ts': 'export const a = 1;\n', 'b.js': 'export const b = 1;\n' };
  const folder = await folderOf(modules);
  await expect(loadTemplates(folder)).rejects.toThrow(
    `one problem:\n  ${folder}  none of its 2 modules exports an agent, so it is not a folder of agents; name yours with --agents or PERDURE_AGENTS`,
  );
  await expect(loadTemplates('agents')).rejects.toThrow(
    "is Perdure's own code, not a folder of agents; name yours with --agents",
  );
});

test('a path that is no folder, and a template that is no file, are errors that say so', async () => {
  const folder = await folderOf({ 'a.yaml': 'name: a' });
  await expect(loadTemplates(join(folder, 'a.yaml'))).rejects.toThrow('name another with --agents or PERDURE_AGENTS');
  await mkdir(join(folder, 'folder.yaml'));
  await expect(loadTemplates(folder)).rejects.toThrow('folder.yaml  cannot be used: it is not a file');
});

test('a path below the working directory is shown relative to it', () => {
  const problem = { line: 3, column: 5, field: '', message: 'is empty' };
  const error = new TemplateError([
    { file: join(process.cwd(), 'agents', 'a.yaml'), ...problem },
    { file: '/elsewhere/a.yaml', ...problem },
  ]);
  expect(error.message).toContain('\n  agents/a.yaml:3:5  is empty\n  /elsewhere/a.yaml:3:5  is empty');
});

test('the message of an error has a line for each problem, as a compiler writes them', () => {
  const problem = { file: 'agents/a.yaml', line: 3, column: 5, field: 'tools[1]', message: 'unknown tool "x"' };
  const error = new TemplateError([
    problem,
    { file: 'b.ts', line: null, column: null, field: '', message: 'is empty' },
  ]);
  expect(error.message).toBe(
    'The agent templates have 2 problems:\n  agents/a.yaml:3:5  tools[1]: unknown tool "x"\n  b.ts  is empty',
  );
});
