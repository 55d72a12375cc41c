import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentTemplateSchema } from '../../contracts/agent.ts';
import { createProgram } from '../../cli/program.ts';
import { codeBlocks, DOCUMENTS, read, ROOT } from './documents.ts';

const blocks = DOCUMENTS.flatMap((document) => codeBlocks(read(document)).map((block) => ({ ...block, document })));

test('every TypeScript example that imports something compiles', async () => {
  const examples = blocks.filter(({ language, code }) => language === 'ts' && code.startsWith('import '));
  const folder = await mkdtemp(join(ROOT, 'node_modules', '.docs-'));
  try {
    const files = await Promise.all(
      examples.map(async ({ code }, index) => {
        const path = join(folder, `example-${index}.ts`);
        await writeFile(path, code);
        return path;
      }),
    );
    // The agent that examples take from a file of the reader's.
    await mkdir(join(folder, 'agents'));
    await writeFile(
      join(folder, 'agents', 'concierge.ts'),
      "import { defineAgent } from 'perdure/agents';\nexport const concierge = defineAgent({ name: 'concierge' });\n",
    );
    const config = join(folder, 'tsconfig.json');
    const typeRoots = [join(ROOT, 'node_modules', '@types')];
    await writeFile(
      config,
      // The root's configuration maps the package's names to the sources.
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: { typeRoots }, include: [], files }),
    );
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const { stdout } = await promisify(execFile)(tsc, ['-p', config]).catch((error: { stdout: string }) => error);

    expect(files.length).toBeGreaterThan(1);
    expect(stdout).toBe('');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);

test('every agent in YAML is valid', () => {
  const agents = blocks.filter(({ language, code }) => language === 'yaml' && /^name:/m.test(code));

  expect(agents.length).toBeGreaterThan(1);
  for (const { code } of agents) expect(agentTemplateSchema.safeParse(parse(code))).toMatchObject({ success: true });
});

test('every command of perdure in the documents is one', () => {
  const commands = createProgram({}, () => {}).commands.map((command) => command.name());
  const named = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/(?:^|`|npx )perdure ([a-z][a-z-]*)/gm)].map(([, name = '']) => name),
  );

  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !commands.includes(name))).toEqual([]);
});

test('every npm script in the documents is one', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/npm (?:run ([\w:]+)|(start|test))/g)].map(([, run, short]) => run ?? short ?? ''),
  );

  expect(named).toContain('check:static');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
