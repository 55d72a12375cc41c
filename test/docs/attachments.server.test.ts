import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { defineAgent, type Agent } from '../../agents/define-agent.ts';
import { filesIn } from '../../agents/tool-file.ts';
import { deploymentSchema } from '../../contracts/deployment.ts';
import { acceptedContent } from '../../core/providers/accepted-content.ts';
import { startPerdure } from '../../testing/index.ts';
import { PNG } from '../support/files.ts';
import { toolContext } from '../support/tool-context.ts';
import { codeBlocks, read } from './documents.ts';

const blocks = codeBlocks(read('docs/capabilities/attachments.md'));
const blockOf = (language: string, contains: string): string => {
  const found = blocks.find((block) => block.language === language && block.code.includes(contains));
  if (!found) throw new Error(`docs/capabilities/attachments.md has no block in ${language} with ${contains}.`);
  return found.code;
};

test('the examples of docs/capabilities/attachments.md do what they show', async () => {
  // In the checkout, where the package's names resolve to the sources.
  const folder = await mkdtemp(join(import.meta.dirname, '.examples-'));
  try {
    const given: unknown[] = [];
    await using started = await startPerdure({
      agents: [defineAgent({ name: 'assistant' })],
      user: 'local',
      model: ({ messages }) => {
        const last = messages.at(-1);
        given.push(last && 'parts' in last ? last.parts : last?.content);
        return 'A dot.';
      },
    });
    const { perdure, url } = started;
    const photo = join(folder, 'photo.png');
    await writeFile(photo, PNG);

    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const code = blockOf('ts', 'openAsBlob').replaceAll('http://127.0.0.1:4747', url);
    await writeFile(join(folder, 'ask.ts'), code.replace("openAsBlob('photo.png')", `openAsBlob('${photo}')`));
    await import(join(folder, 'ask.ts'));
    expect(log.mock.calls).toEqual([['A dot.']]);
    log.mockRestore();
    expect(given.at(-1)).toMatchObject([
      { type: 'image', name: 'photo.png', base64: PNG.toString('base64') },
      { type: 'text', text: 'What is on the photo?' },
    ]);

    const [, path = '', body = ''] = /4747(\S+messages)[^]*-d '(.*)'/s.exec(blockOf('bash', 'messages')) ?? [];
    const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
    const posted = await fetch(`${url}${path}`, { method: 'POST', headers, body });
    expect(await posted.json()).toMatchObject({ answer: 'A dot.' });
    expect(given.at(-1)).toEqual([
      { type: 'text', text: 'Which of these cities are in the data?' },
      { type: 'text', text: 'cities:\n["Paris","Rome"]' },
      { type: 'text', text: 'File "visited.csv":\ncity\nParis' },
    ]);

    await writeFile(join(folder, 'report.ts'), blockOf('ts', 'defineTool'));
    const { reporter } = (await import(join(folder, 'report.ts'))) as { readonly reporter: Agent };
    const [made] = filesIn(await reporter.tools[0]?.execute({ month: '2026-01' }, toolContext()));
    expect(made).toMatchObject({ name: '2026-01.csv', data: 'month,total\n2026-01,42\n' });

    const [, upload = ''] = /4747([^']+)/.exec(blockOf('bash', 'data-binary')) ?? [];
    const saved = await fetch(`${url}${upload}`, { method: 'POST', body: 'Dear diary' });
    expect(await saved.json()).toMatchObject({ name: 'notes.txt', contentType: 'text/plain' });
    expect((await perdure.session('trip').export({ attachments: true })).attachments).toHaveLength(2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 90_000);

test('the providers in docs/capabilities/attachments.md accept what it states', () => {
  const { providers } = deploymentSchema.parse(parse(blockOf('yaml', 'accepts')));
  expect(acceptedContent(providers, 'local/any')).toEqual(['image']);
  expect(acceptedContent(providers, 'openrouter/google/gemini-2.5-pro')).toEqual(['image', 'file']);
  expect(acceptedContent(providers, 'openrouter/other')).toEqual([]);
  expect(acceptedContent(providers, 'openai/gpt-5')).toEqual(['image', 'file']);
  expect(acceptedContent(undefined, 'local/any')).toEqual([]);
});
