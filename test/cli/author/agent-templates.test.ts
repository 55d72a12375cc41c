import { Validator } from '@cfworker/json-schema';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { checkSpec } from '../../../agents/check-spec.ts';
import { loadTemplates } from '../../../agents/templates/load-templates.ts';
import { templateSchema } from '../../../agents/templates/template-schema.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const validator = new Validator(templateSchema(), '2020-12');
const valid = (template: unknown): boolean => validator.validate(template).valid;

test.each<[string, unknown]>([
  ['the least', { name: 'a' }],
  ['one model', { name: 'a', model: 'openai/x' }],
  ['a list of models', { name: 'a', model: ['openai/x', 'local/y'] }],
  ['everything of a policy', { name: 'a', tools: ['clock'], policy: { maxSteps: 3, retry: { maxAttempts: 2 } } }],
  ['an answer with a schema', { name: 'a', output: { schema: { type: 'object', properties: {} } } }],
  ['no name', { description: 'x' }],
  ['an unknown field', { name: 'a', tolls: [] }],
  ['a wrong type', { name: 'a', stream: 'yes' }],
  ['a number out of range', { name: 'a', temperature: 3 }],
  ['an unknown field of a policy', { name: 'a', policy: { maxStep: 3 } }],
])('the schema for editors accepts what the loader accepts: %s', (_what, template) => {
  expect(valid(template)).toBe(checkSpec(template).spec !== undefined);
});

test('agents new writes a template that loads, with a line by which editors find its schema', async () => {
  const folder = join(await temporaryFolder(), 'agents');
  const env = { PERDURE_AGENTS: folder };
  const { code, stdout } = await runCli(['agents', 'new', 'tutor.v2'], env);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`Created ${join(folder, 'tutor.v2.yaml')}.\n`)]);
  expect(stdout).toContain('perdure chat --agent tutor.v2');
  const text = await readFile(join(folder, 'tutor.v2.yaml'), 'utf8');
  const [, schema = ''] = /^# yaml-language-server: \$schema=\.\/(.+)\n/.exec(text) ?? [];
  expect(JSON.parse(await readFile(join(folder, schema), 'utf8'))).toEqual(templateSchema());
  expect(valid(parse(text))).toBe(true);
  expect((await loadTemplates(folder, { env: {} })).list()).toMatchObject([{ name: 'tutor.v2' }]);

  const again = await runCli(['agents', 'new', 'tutor.v2', '--ts'], env);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('tutor.v2.yaml already exists')]);
  const wrong = await runCli(['agents', 'new', '../up'], env);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('"../up" cannot be the name of an agent')]);
});

test('agents new --ts writes a module with a tool', async () => {
  const folder = await temporaryFolder();
  const { code } = await runCli(['agents', 'new', 'help-desk', '--ts'], { PERDURE_AGENTS: folder });
  expect(code).toBe(0);
  const module = await readFile(join(folder, 'help-desk.ts'), 'utf8');
  const face = join(import.meta.dirname, '../../../agents/index.ts');
  await writeFile(join(folder, 'help-desk.ts'), module.replace("'perdure/agents'", `'${face}'`));
  await mkdir(join(folder, 'node_modules'));
  const registry = await loadTemplates(folder, { env: {} });
  expect(registry.list()).toMatchObject([{ name: 'help-desk', tools: ['greet_help-desk'] }]);
});

test('agents check prints the agents of a folder, or every problem with its file, line and field', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'good.yaml'), 'name: good\ntools: [clock]\n');
  await writeFile(join(folder, '.agent.schema.json'), '{}');
  const good = await runCli(['agents', 'check', folder]);
  expect(good.code).toBe(0);
  expect(good.stdout).toMatch(/^good +[0-9a-f]{8} +the deployment's default +clock\s*$/m);
  // Of an older version.
  expect(JSON.parse(await readFile(join(folder, '.agent.schema.json'), 'utf8'))).toEqual(templateSchema());

  await writeFile(join(folder, 'bad.yaml'), 'name: bad\ntools:\n  - clok\n');
  const bad = await runCli(['agents', 'check', folder]);
  expect(bad.code).toBe(1);
  expect(bad.stdout).toMatch(/bad\.yaml:3:5 {2}tools\[0\]: unknown tool "clok"; did you mean "clock"\?/);
  const json = await runCli(['agents', 'check', folder, '--json']);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({ agents: [], problems: [{ line: 3, field: 'tools[0]' }] });
});

test('agents check refuses history: service for a model whose provider keeps no conversations, in a list too', async () => {
  const folder = await temporaryFolder();
  const check = async (model: string, env: Record<string, string> = {}) => {
    await writeFile(join(folder, 'kept.yaml'), `name: kept\nhistory: service\n${model}`);
    const { code, stdout } = await runCli(['agents', 'check', folder], env);
    return { code, stdout };
  };
  expect((await check('model: openai-responses/x')).code).toBe(0);
  expect((await check('')).code).toBe(0);
  const chat = await check('', { PERDURE_MODEL: 'openai/x' });
  expect(chat.code).toBe(1);
  expect(chat.stdout).toContain(
    'history: Agents set history: service, but the providers of their models have no Responses API',
  );
  const list = await check('model: [openai-responses/x, openai/y]');
  expect(list.code).toBe(1);
  expect(list.stdout).toContain('"kept" (openai/y)');
  expect((await check('model: [openai-responses/x, openai/y]', { PERDURE_OPENAI_API: 'responses' })).code).toBe(0);
}, 60_000);

test('agents schema prints the schema', async () => {
  const { code, stdout } = await runCli(['agents', 'schema']);
  expect([code, JSON.parse(stdout)]).toEqual([0, templateSchema()]);
});
