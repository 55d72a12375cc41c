import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { agentTemplateSchema } from '../../contracts/agent.ts';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { deploymentSchema } from '../../contracts/deployment.ts';
import { historySwitchesSchema } from '../../contracts/session/history.ts';
import { rebuildReasonSchema } from '../../contracts/session/run.ts';
import { codeBlocks, read, ROOT, section, tableNames } from './documents.ts';

const page = read('docs/capabilities/history.md');
const blocks = codeBlocks(page);
const kept = section(page, 'Conversations that the provider keeps');

test('docs/capabilities/history.md shows an agent and a deployment file that are valid', () => {
  const [agent, deployment] = codeBlocks(page)
    .filter(({ language }) => language === 'yaml')
    .map(({ code }) => parse(code) as unknown);
  expect(agentTemplateSchema.parse(agent)).toMatchObject({ history: 'service' });
  expect(deploymentSchema.parse(deployment).providers).toMatchObject({ acme: { conversations: true } });
});

test('docs/capabilities/history.md lists every value of history, and every reason to build a context again', () => {
  const [, ...values] = tableNames(page.slice(0, page.indexOf(kept)));
  expect(values).toEqual(['true', 'false', 'service', '{ provider: crm }']);
  for (const value of [true, false, 'service'])
    expect(agentTemplateSchema.parse({ name: 'a', history: value })).toBeTruthy();
  expect(tableNames(kept).slice(1)).toEqual(rebuildReasonSchema.options);
});

test('the history provider of docs/capabilities/history.md loads, and its page lists every switch', async () => {
  const [yaml, module] = ['yaml', 'ts'].map(
    (language) => blocks.findLast((block) => block.language === language)?.code,
  );
  // In the package, so that the module finds `perdure/agents`.
  const folder = join(ROOT, 'node_modules', `.docs-history-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'account-manager.yaml'), yaml ?? '');
  await writeFile(join(folder, 'crm.ts'), module ?? '');
  const registry = await loadTemplates(folder);
  expect(registry.agent('account-manager')?.spec.history).toEqual({ provider: 'crm', storeContext: true });
  expect(registry.contextProvider?.('crm')).toMatchObject({ isHistory: true, timeoutMs: 5_000 });
  expect(tableNames(section(page, 'History providers'))).toEqual(Object.keys(historySwitchesSchema.shape));
});
