import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { codeBlocks, read, ROOT } from './documents.ts';

test('the agents of docs/capabilities/context-providers.md load, and their providers resolve', async () => {
  const blocks = codeBlocks(read('docs/capabilities/context-providers.md'));
  const codeOf = (language: string, text = '') =>
    blocks.find((block) => block.language === language && block.code.includes(text))?.code ?? '';
  const [yaml, module, background] = [codeOf('yaml'), codeOf('ts'), codeOf('ts', "afterRunMode: 'background'")];
  const extracting = codeBlocks(read('docs/capabilities/memory.md')).find(({ code }) => code.includes('extract: true'));
  // In the package, so that the module finds `perdure/agents`.
  const folder = join(ROOT, 'node_modules', `.docs-context-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'handbook'), { recursive: true });
  await writeFile(join(folder, 'support.yaml'), yaml);
  await writeFile(join(folder, 'orders.ts'), module);
  await writeFile(join(folder, 'digest.ts'), background);
  await writeFile(join(folder, 'concierge.yaml'), (extracting?.code ?? '').replace('name: concierge', 'name: guests'));
  const registry = await loadTemplates(folder);
  expect(registry.agent('support')?.spec.context).toEqual([
    'userProfile',
    { documents: { folder: './handbook' } },
    'orders',
  ]);
  expect(registry.agent('concierge')?.spec.context).toEqual(['orders']);
  expect(registry.contextProvider?.('orders')?.onError).toBe('skip');
  expect(registry.contextProvider?.('digest')?.afterRunMode).toBe('background');
  expect(registry.agent('guests')?.spec.context).toEqual([
    { memory: { recall: 5, extract: true, extractModel: 'openai/gpt-5.4-nano' } },
  ]);
  expect(registry.tool('cancel_order')?.name).toBe('cancel_order');
});
