import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const LIBRARY = new URL('../../../agents/', import.meta.url).href;

/**
 * Loads an agent that takes its description from a module in a folder below: once for each step, after that module was
 * written. In a process of its own, because vitest evaluates modules in its own way. Resolves with the descriptions, or
 * the problems.
 */
async function loadEach(
  steps: readonly { readonly source: string; readonly revision: number }[],
): Promise<{ readonly folder: string; readonly results: readonly unknown[] }> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'agents', 'lib'), { recursive: true });
  const agent = `import { defineAgent } from '${LIBRARY}index.ts';
import { description } from './lib/text.ts';
export const agent = defineAgent({ name: 'a', description });
`;
  await writeFile(join(folder, 'agents', 'a.ts'), agent);
  const script = `import { writeFileSync } from 'node:fs';
import { loadTemplates } from '${LIBRARY}templates/load-templates.ts';
const results = [];
for (const { source, revision } of ${JSON.stringify(steps)}) {
  writeFileSync('agents/lib/text.ts', source);
  results.push(await loadTemplates('agents', { revision }).then(
    (agents) => agents.agent('a').spec.description,
    ({ problems: [{ file, line, column, message }] }) => ({ file, line, column, message }),
  ));
}
console.log(JSON.stringify(results));
`;
  await writeFile(join(folder, 'script.mjs'), script);
  const { stdout } = await promisify(execFile)(process.execPath, ['script.mjs'], { cwd: folder });
  return { folder, results: JSON.parse(stdout) as unknown[] };
}

const text = (description: string): string => `export const description: string = '${description}';\n`;

test('each revision evaluates the modules anew, with what they import from the folder and below', async () => {
  const { results } = await loadEach([
    { source: text('one'), revision: 0 },
    { source: text('two'), revision: 0 },
    { source: text('two'), revision: 1 },
    { source: text('three'), revision: 1 },
    { source: text('three'), revision: 2 },
  ]);
  expect(results).toEqual(['one', 'one', 'two', 'two', 'three']);
});

test('a mistake in an imported module is reported where it is', async () => {
  const { results } = await loadEach([
    { source: 'export const ok = 1;\nexport const description = = 1;\n', revision: 1 },
    { source: "\nthrow new Error('on purpose');\nexport const description = '';\n", revision: 2 },
  ]);
  const file = 'agents/lib/text.ts';
  expect(results).toEqual([
    { file, line: 2, column: 28, message: 'the module cannot be loaded: Expression expected' },
    { file, line: 2, column: 7, message: 'the module cannot be loaded: on purpose' },
  ]);
});
