import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { middlewareCapabilities } from '../../agents/templates/middleware-capabilities.ts';
import { startPerdure } from '../../testing/index.ts';
import { codeBlocks, read, ROOT } from './documents.ts';

test('the agents of docs/capabilities/middleware.md load, and their middleware does what the page states', async () => {
  const blocks = codeBlocks(read('docs/capabilities/middleware.md'));
  const [yaml, module] = ['yaml', 'ts'].map((language) => blocks.find((block) => block.language === language)?.code);
  // In the package, so that the module finds `perdure/agents`.
  const folder = join(ROOT, 'node_modules', `.docs-middleware-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'support.yaml'), yaml ?? '');
  await writeFile(join(folder, 'butler.ts'), module ?? '');
  const registry = await loadTemplates(folder);
  expect(registry.agent('support')?.spec.middleware).toHaveLength(4);
  expect(registry.agent('butler')?.spec.middleware).toEqual([{ polite: { tries: 3 } }, 'audit']);

  const replies = ['You are stupid.', 'At your service.', ...Array.from({ length: 3 }, () => 'Stupid!')];
  const instructions: string[] = [];
  await using started = await startPerdure({
    agents: folder,
    model: (request) => {
      instructions.push(request.instructions);
      return replies.shift() ?? 'never';
    },
  });
  const session = started.perdure.session('butler');
  expect((await session.ask({ content: 'Hello', agent: 'butler' })).text).toBe(
    'At your service.\n\nThis answer was written by a machine.',
  );
  expect(instructions).toEqual(['\n\nBe polite.', '\n\nBe polite.']);
  expect((await session.ask('?')).text).toBe('What is it?');
  await expect(session.ask('Hello?')).rejects.toThrow('The middleware "polite" failed: every reply was impolite.');
}, 120_000);

test('the shipped middleware is in the table of docs/capabilities/middleware.md', () => {
  const table = read('docs/capabilities/middleware.md');
  for (const name of ['redactPersonalData', 'cacheAnswers', 'guard', 'limitRepeatedCalls']) {
    expect(middlewareCapabilities().get(name)?.name).toBe(name);
    expect(table).toContain(`| \`${name}\` |`);
  }
});
