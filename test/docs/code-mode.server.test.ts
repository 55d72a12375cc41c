import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startPerdure } from '../../testing/index.ts';
import { codeBlocks, read, ROOT } from './documents.ts';

test('the agent of docs/capabilities/code-mode.md loads, its model is given the declarations, and its program does what the page states', async () => {
  const blocks = codeBlocks(read('docs/capabilities/code-mode.md'));
  const [agent, declarations] = blocks.filter(({ language }) => language === 'ts').map(({ code }) => code);
  const program = blocks.find(({ language }) => language === 'js')?.code ?? '';
  // In the package, so that the module finds `perdure/agents`.
  const folder = join(ROOT, 'node_modules', `.docs-code-mode-${process.pid}`);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'accountant.ts'), agent ?? '');
  const descriptions: (string | undefined)[] = [];
  await using started = await startPerdure({
    agents: folder,
    model: ({ messages, tools }) => {
      descriptions.push(tools.find(({ name }) => name === 'run_program')?.description);
      const last = messages.at(-1);
      if (last?.role === 'tool') return `The total is $${last.content}.`;
      const call = { callId: 'call-1', tool: 'run_program', arguments: { source: program }, malformed: null };
      return { toolCalls: [call] };
    },
  });
  const session = started.perdure.session('books');
  const { text } = await session.ask({ content: 'What does Ann owe?', agent: 'accountant' });
  expect(text).toBe('The total is $200.5.');
  expect(descriptions[0]?.endsWith(declarations?.trim() ?? '')).toBe(true);
}, 120_000);
