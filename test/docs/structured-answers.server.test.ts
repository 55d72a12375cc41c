import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startPerdure } from '../../testing/index.ts';
import { runCli } from '../support/process/run-cli.ts';
import { codeBlocks, read } from './documents.ts';

const blocks = codeBlocks(read('docs/capabilities/structured-answers.md'));
const blockOf = (language: string, contains: string): string => {
  const found = blocks.find((block) => block.language === language && block.code.includes(contains));
  if (!found) throw new Error(`docs/capabilities/structured-answers.md has no block in ${language} with ${contains}.`);
  return found.code;
};

test('the examples of docs/capabilities/structured-answers.md do what they show', async () => {
  // In the checkout, where the package's names resolve to the sources.
  const folder = await mkdtemp(join(import.meta.dirname, '.examples-'));
  const agents = join(folder, 'agents');
  try {
    await mkdir(agents);
    await writeFile(join(agents, 'geographer.ts'), blockOf('ts', 'defineAgent'));
    await writeFile(join(agents, 'critic.yaml'), blockOf('yaml', 'name: critic'));
    const asked: unknown[] = [];
    await using started = await startPerdure({
      agents,
      user: 'local',
      model: ({ outputSchema }) => {
        asked.push(outputSchema);
        const isCity = JSON.stringify(outputSchema).includes('population');
        return JSON.stringify(isCity ? { city: 'Paris', population: 2_100_000 } : { rating: 4, reason: 'short' });
      },
    });
    const { perdure, url } = started;
    const here = (code: string): string => code.replaceAll('http://127.0.0.1:4747', url);

    const rated = await perdure.session('texts').ask({ content: 'Rate this.', agent: 'critic' });
    expect(rated.object).toEqual({ rating: 4, reason: 'short' });
    const big = await perdure.session('cities').ask({ content: 'Paris?', agent: 'geographer' });
    expect(big.object).toEqual({ city: 'Paris', population: 2_100_000 });

    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await writeFile(join(folder, 'ask.ts'), here(blockOf('ts', 'createPerdure')));
    await import(join(folder, 'ask.ts'));
    expect(log.mock.calls).toEqual([['Paris', 2_100_001]]);
    log.mockRestore();

    const [, path = '', body = ''] = /4747(\S+)[^]*-d '(.*)'/.exec(blockOf('bash', 'curl')) ?? [];
    const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
    const posted = await fetch(`${url}${path}`, { method: 'POST', headers, body });
    expect(await posted.json()).toMatchObject({ object: { city: 'Paris' }, run: { object: { city: 'Paris' } } });

    const file = join(folder, 'city.json');
    await writeFile(file, blockOf('json', 'population'));
    const [, question = ''] = /perdure run --schema city\.json '(.*)'/.exec(blockOf('bash', 'perdure run')) ?? [];
    const { stdout } = await runCli(['run', '--schema', file, question], { PERDURE_URL: url });
    expect(JSON.parse(stdout)).toEqual({ city: 'Paris', population: 2_100_000 });
    expect(asked).toHaveLength(5);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
