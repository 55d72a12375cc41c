import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOWHERE = { DATABASE_URL: 'postgres://127.0.0.1:1/perdure', TEMPORAL_ADDRESS: '127.0.0.1:1' };
const unkept = (model: string) =>
  `Agents set history: service, but the providers of their models have no Responses API, so they keep no conversations: "clerk" (${model}). Use models of openai-responses or of a provider with api: responses (providers.NAME.api), for each model of a list, or set history: true.\n`;

/** A folder with one agent and two providers, and the variables that name them. */
async function deployment(template: string): Promise<Record<string, string>> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'agents'));
  await writeFile(join(folder, 'agents', 'clerk.yaml'), `name: clerk\n${template}`);
  const provider = 'baseUrl: http://127.0.0.1:1/v1';
  const providers = `providers:\n  internal: { ${provider} }\n  kept: { ${provider}, api: responses }\n`;
  await writeFile(join(folder, 'perdure.yaml'), providers);
  return {
    PERDURE_MODEL: 'scripted/instant',
    PERDURE_CONFIG: join(folder, 'perdure.yaml'),
    PERDURE_AGENTS: join(folder, 'agents'),
    PERDURE_DATA: join(folder, 'data'),
  };
}

test.each<[string, string, Record<string, string>, string]>([
  ['start', 'history: service\nmodel: internal/one\n', {}, unkept('internal/one')],
  ['start', 'history: service\n', { PERDURE_MODEL: 'internal/two' }, unkept('internal/two')],
  ['worker', 'history: service\nmodel: [kept/one, internal/one]\n', NOWHERE, unkept('internal/one')],
  [
    'worker',
    'model: [kept/one, opnai/one, gpt]\n',
    NOWHERE,
    'Agents name unknown models: "clerk" (opnai/one, gpt). Write provider/model, with a provider of openai, openai-responses, local, scripted, internal, kept, or set providers.NAME.baseUrl in the deployment file for one of your own.\n',
  ],
])(
  '%s refuses an agent whose model does not fit, before it opens the store (%j, %j)',
  async (command, template, env, message) => {
    const { code, stdout, stderr } = await runCli([command], { ...(await deployment(template)), ...env });
    expect(stderr).toBe(message);
    expect(code).toBe(2);
    expect(stdout).not.toMatch(/store|PostgreSQL|ready/);
  },
  30_000,
);

test('agents check refuses a model of an unknown provider, and accepts those of the deployment file', async () => {
  const known = await runCli(['agents', 'check'], await deployment('model: [kept/one, local/two]\n'));
  expect(known.code).toBe(0);
  const unknown = await runCli(['agents', 'check'], await deployment('model: gpt\n'));
  expect(unknown.stdout).toMatch(/ {2}model: Agents name unknown models: "clerk" \(gpt\)\. Write provider\/model/);
  expect(unknown.code).toBe(1);
  const absent = await runCli(['agents', 'check', '/nowhere']);
  expect(absent).toMatchObject({ code: 2, stderr: '/nowhere: there is no such folder. Create it, or name another.\n' });
});
