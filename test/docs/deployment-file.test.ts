import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { budgetSettingsSchema, runBudgetSchema } from '../../contracts/budget.ts';
import { deploymentSchema, priceOverrideSchema } from '../../contracts/deployment.ts';
import { maintenanceSettingsSchema } from '../../contracts/maintenance.ts';
import { providerSettingsSchema } from '../../contracts/provider.ts';
import { sessionLimitsSchema } from '../../contracts/session/session-limits.ts';
import { codeBlocks, read, section, tableNames } from './documents.ts';

const blocks = Object.keys(deploymentSchema.shape).toSorted();

test('docs/settings.md shows a deployment file that is one, and every block of it', () => {
  const text = section(read('docs/settings.md'), 'The deployment file');
  const [example] = codeBlocks(text).map(({ code }) => parse(code) as Record<string, unknown>);
  expect(Object.keys(deploymentSchema.parse(example)).toSorted()).toEqual(blocks);
  expect(tableNames(text).toSorted()).toEqual(blocks);
});

test.each([
  ['docs/providers.md', 'Limits', providerSettingsSchema],
  ['docs/cost.md', 'Prices', priceOverrideSchema],
  ['docs/cost.md', 'Budgets', budgetSettingsSchema],
  ['docs/cost.md', 'Budgets', runBudgetSchema],
  ['docs/lifecycle.md', 'Limits', sessionLimitsSchema],
  ['docs/lifecycle.md', 'Clean-up', maintenanceSettingsSchema],
])('%s, %s, lists every setting of its block', (path, heading, schema) => {
  const listed = tableNames(section(read(path), heading)).map((name) => name.split('.')[0]);
  expect(Object.keys(schema.shape).filter((name) => !listed.includes(name))).toEqual([]);
});
