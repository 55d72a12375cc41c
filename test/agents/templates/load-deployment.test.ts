import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDeployment } from '../../../agents/templates/load-deployment.ts';
import { resolvePolicy } from '../../../core/policy.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function fileOf(text: string): Promise<string> {
  const file = join(await temporaryFolder(), 'perdure.yaml');
  await writeFile(file, text);
  return file;
}

test('a deployment file sets policies behind those of agents and sessions', async () => {
  const file = await fileOf('policy:\n  maxSteps: 4\n  contextRuns: 7\n  retry: { maxAttempts: 2 }\n');
  const { policy } = await loadDeployment(file, { chosen: true });
  const resolved = resolvePolicy(policy, { maxSteps: 5 }, { retry: { maxIntervalMs: 9 } });
  expect(resolved).toMatchObject({ maxSteps: 5, contextRuns: 7, whileRunning: 'enqueue' });
  expect(resolved.retry).toMatchObject({ maxAttempts: 2, maxIntervalMs: 9, backoffCoefficient: 2 });
});

test('a deployment file that is absent sets nothing, unless it was named', async () => {
  const file = join(await temporaryFolder(), 'none.yaml');
  expect(await loadDeployment(file, { chosen: false })).toEqual({});
  await expect(loadDeployment(file, { chosen: true })).rejects.toThrow(/none\.yaml.*no such file.*PERDURE_CONFIG/);
});

test.each([
  ['policy:\n  maxStep: 4\n', ':2:3  policy.maxStep: unknown field; did you mean "maxSteps"?'],
  ['policy: { maxSteps: many }\n', ':1:11  policy.maxSteps: expected number, got "many"'],
  [
    'providers:\n  openai: { concurency: 4 }\n',
    ':2:13  providers.openai.concurency: unknown field; did you mean "concurrency"?',
  ],
  [
    'providers: { openai: { circuit: { failures: 0 } } }\n',
    'providers.openai.circuit.failures: expected number to be >=1, got 0',
  ],
  ['providers: { acme: { baseUrl: ftp://host } }\n', 'providers.acme.baseUrl: must be an http or https URL'],
  ['providers: { acme: { apiKeyEnv: KEY } }\n', 'providers.acme.apiKeyEnv: has no effect without baseUrl'],
  ["providers: { acme: { baseUrl: 'http://host/v1?key=1' } }\n", 'must have no query; put it into `query`'],
  ['providers: { acme: { baseUrl: http://host, api: soap } }\n', 'expected one of "chat", "responses", got "soap"'],
  ['providers: { "a/b": { concurrency: 1 } }\n', 'must consist of letters, digits'],
  ['- policy\n', ':1:1  the file must be a map of fields'],
  ['policy: {\n', 'invalid YAML'],
])('a deployment file that is wrong is refused with file, line and field: %j', async (text, said) => {
  const file = await fileOf(text);
  await expect(loadDeployment(file, { chosen: false })).rejects.toThrow('The deployment file has one problem:');
  await expect(loadDeployment(file, { chosen: false })).rejects.toThrow(said);
});

test('a header of a provider that is wrong is not quoted: it may be a key', async () => {
  const file = await fileOf('providers: { acme: { baseUrl: http://host/v1, headers: { x-key: [canary] } } }\n');
  await expect(loadDeployment(file, { chosen: true })).rejects.toThrow(/providers\.acme\.headers\.x-key: (?!.*canary)/);
});
