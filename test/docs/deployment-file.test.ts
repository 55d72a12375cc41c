import { childLimitsSchema } from '../../contracts/capabilities/agent-tool.ts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { storageLimitsSchema } from '../../contracts/attachments/storage-limits.ts';
import { budgetSettingsSchema, runBudgetSchema } from '../../contracts/budget.ts';
import { deploymentSchema, priceOverrideSchema } from '../../contracts/deployment.ts';
import { maintenanceSettingsSchema } from '../../contracts/maintenance.ts';
import { providerSettingsSchema } from '../../contracts/provider.ts';
import { documentLimitsSchema } from '../../contracts/session/document-limits.ts';
import { sessionLimitsSchema } from '../../contracts/session/session-limits.ts';
import { createModelDirectory } from '../../models/directory/model-directory.ts';
import { hear, modelRequest } from '../support/models/model-requests.ts';
import { codeBlocks, read, section, tableNames } from './documents.ts';

const blocks = Object.keys(deploymentSchema.shape).toSorted();

test('docs/settings.md shows a deployment file that is one, and every block of it', () => {
  const text = section(read('docs/settings.md'), 'The deployment file');
  const [example] = codeBlocks(text).map(({ code }) => parse(code) as Record<string, unknown>);
  expect(Object.keys(deploymentSchema.parse(example)).toSorted()).toEqual(blocks);
  expect(tableNames(text).toSorted()).toEqual(blocks);
});

test.each([
  ['docs/cost.md', 'Prices', priceOverrideSchema],
  ['docs/cost.md', 'Budgets', budgetSettingsSchema],
  ['docs/cost.md', 'Budgets', runBudgetSchema],
  ['docs/lifecycle.md', 'Limits', sessionLimitsSchema],
  ['docs/export.md', 'What an import trusts', documentLimitsSchema],
  ['docs/capabilities/attachments.md', 'Limits', storageLimitsSchema],
  ['docs/capabilities/agents-as-tools.md', 'Limits', childLimitsSchema],
  ['docs/lifecycle.md', 'Clean-up', maintenanceSettingsSchema],
])('%s, %s, lists every setting of its block', (path, heading, schema) => {
  const listed = tableNames(section(read(path), heading)).map((name) => name.split('.')[0]);
  expect(Object.keys(schema.shape).filter((name) => !listed.includes(name))).toEqual([]);
});

test('docs/providers.md lists every setting of a provider: of its address, and its limits', () => {
  const text = read('docs/providers.md');
  const listed = ['Providers of your own', 'Limits'].flatMap((heading) => tableNames(section(text, heading)));
  const names = listed.map((name) => name.split('.')[0]);
  expect(Object.keys(providerSettingsSchema.shape).filter((name) => !names.includes(name))).toEqual([]);
});

test('the providers in docs/providers.md are valid, and are called at the addresses that it states', async () => {
  const [block] = codeBlocks(section(read('docs/providers.md'), 'Providers of your own')).map(({ code }) => code);
  const { providers } = deploymentSchema.parse(parse(block ?? ''));
  const env = { PERDURE_MODEL: 'scripted/echo', OPENROUTER_API_KEY: 'a', AZURE_OPENAI_API_KEY: 'b', GATEWAY_KEY: 'c' };
  const urls: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    urls.push(input instanceof Request ? input.url : input.toString());
    return Response.json({}, { status: 400 });
  };
  const directory = await createModelDirectory({ env, fetch, providers });
  for (const name of ['openrouter/anthropic/claude-sonnet-4.5', 'azure/gpt-4o', 'internal/qwen3']) {
    const { client, model } = directory.resolve(name);
    await expect(hear(client, modelRequest({ model }))).rejects.toThrow('status 400');
  }
  expect(urls).toEqual([
    'https://openrouter.ai/api/v1/chat/completions',
    'https://contoso.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21',
    'https://models.example.com/v1/responses',
  ]);
});
