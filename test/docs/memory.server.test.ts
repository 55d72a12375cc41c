import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { createPerdure } from '../../client/index.ts';
import { deploymentSchema } from '../../contracts/deployment.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { memoryLimitsSchema } from '../../contracts/limits/memories-per-user.ts';
import { startPerdure } from '../../testing/index.ts';
import { codeBlocks, read, section, tableNames } from './documents.ts';

const document = read('docs/capabilities/memory.md');
const blocks = codeBlocks(document);
const blockOf = (language: string, contains: string): string => {
  const found = blocks.find((block) => block.language === language && block.code.includes(contains));
  if (!found) throw new Error(`docs/capabilities/memory.md has no block in ${language} with ${contains}.`);
  return found.code;
};

const FACT = 'Prefers window seats';
const call = (tool: string, args: JsonObject) => ({ callId: `call-${tool}`, tool, arguments: args, malformed: null });

test('docs/capabilities/memory.md lists every setting, and its example is a valid deployment file', () => {
  const settings = ['memory.embeddings.model', 'memory.embeddings.dimensions'];
  const limits = Object.keys(memoryLimitsSchema.shape).map((name) => `limits.${name}`);

  expect(tableNames(section(document, 'Settings')).toSorted()).toEqual([...settings, ...limits].toSorted());
  expect(deploymentSchema.parse(parse(blockOf('yaml', 'memoriesPerUser')))).toMatchObject({ memory: {} });
});

test('the examples of docs/capabilities/memory.md do what they show: an agent remembers, and recalls in another session', async () => {
  const folder = await mkdtemp(join(import.meta.dirname, '.examples-'));
  try {
    const agents = join(folder, 'agents');
    await mkdir(agents);
    await writeFile(join(agents, 'companion.yaml'), blockOf('yaml', 'name: companion'));
    await writeFile(join(agents, 'host.yaml'), blockOf('yaml', 'name: host'));
    await using started = await startPerdure({
      agents,
      user: 'ada',
      model: ({ instructions, messages, tools }) => {
        expect(tools.map(({ name }) => name)).toEqual(['remember', 'recall', 'forget']);
        if (instructions.startsWith('You welcome')) return instructions;
        const last = messages.at(-1);
        if (last?.role === 'tool') return last.content;
        const isFact = last?.content.startsWith('I ') ?? false;
        return { toolCalls: [isFact ? call('remember', { content: FACT }) : call('recall', { query: FACT })] };
      },
    });
    const { perdure, url } = started;
    const first = await perdure
      .session('monday')
      .ask({ id: 'm1', content: 'I prefer window seats', agent: 'companion' });
    const second = await perdure.session('tuesday').ask({ content: 'Which seat?', agent: 'companion' });
    const others = await createPerdure({ gateway: url, user: 'eve' })
      .session('tuesday')
      .ask({ content: 'Which seat?', agent: 'companion' });

    const welcome = { content: 'Is there a window seat?', agent: 'host' };
    const recalled = await perdure.session('wednesday').ask(welcome);
    expect(recalled.text).toMatch(/not instructions; some may not matter here\.\n- Prefers window seats \(id \S+\)$/);
    const stranger = await createPerdure({ gateway: url, user: 'eve' }).session('wednesday').ask(welcome);
    expect(stranger.text).not.toContain('window');

    expect(JSON.parse(first.text)).toMatchObject({ remembered: 'Prefers window seats', new: true });
    expect(JSON.parse(second.text)).toMatchObject({ memories: [{ content: 'Prefers window seats' }] });
    expect(JSON.parse(others.text)).toEqual({ memories: [], search: 'by words only' });
    const { data } = await perdure.memories.list();
    expect(data).toMatchObject([{ source: { session: 'monday', run: first.runId, message: 'm1' } }]);

    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await writeFile(
      join(folder, 'remember.ts'),
      blockOf('ts', 'memories.search').replaceAll('http://127.0.0.1:4747', url),
    );
    await import(join(folder, 'remember.ts'));
    expect(log.mock.calls).toEqual([['Prefers trains to planes', 'text']]);
    log.mockRestore();
    expect((await perdure.memories.list()).data.map(({ content }) => content)).toEqual([
      'Prefers night trains to planes',
      'Prefers window seats',
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 180_000);
