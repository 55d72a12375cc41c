import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createReplaceableRegistry } from '../../../agents/replaceable-registry.ts';
import { loadTemplates } from '../../../agents/templates/load-templates.ts';
import { readLoadedFiles, reloadAgents } from '../../../cli/services/reload-agents.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A folder whose agents are reloaded until the test is over, with the lines that were printed. */
async function reloading() {
  const folder = await temporaryFolder();
  const agentsDir = join(folder, 'agents');
  const deploymentFile = join(folder, 'perdure.yaml');
  const write = (path: string, content: string) => writeFile(join(folder, path), content);
  await mkdir(agentsDir);
  await write('agents/a.yaml', 'name: a\n');
  const lines: string[] = [];
  const saved: string[][] = [];
  const loaded = await readLoadedFiles({ agentsDir, deploymentFile });
  const load = (revision: number) => loadTemplates(agentsDir, { revision });
  const agents = createReplaceableRegistry(await load(0));
  const reload = reloadAgents({
    agentsDir,
    deploymentFile,
    agents,
    loaded,
    load,
    save: async (next) => void saved.push(next.list().map(({ name }) => name)),
    print: (line) => lines.push(line),
  });
  onTestFinished(() => reload[Symbol.asyncDispose]());
  const names = () => agents.list().map(({ name }) => name);
  const printed = async (pattern: RegExp) => {
    await expect.poll(() => lines.some((line) => pattern.test(line)), { timeout: 10_000 }).toBe(true);
    return lines.splice(0);
  };
  return { folder, write, names, saved, printed };
}

test('agents that are valid become current when they are saved, and are stored before', async () => {
  const { write, names, saved, printed } = await reloading();
  await write('agents/b.yaml', 'name: b\n');
  expect(await printed(/added b/)).toEqual(['agents: added b']);
  expect(names()).toEqual(['a', 'b']);
  expect(saved).toEqual([['a', 'b']]);
});

test('a file that is not valid leaves the agents as they are, and is reported once, until it is mended', async () => {
  const { write, names, printed } = await reloading();
  await write('agents/a.yaml', 'name: a\ntemperature: hot\n');
  const [line, ...others] = await printed(/not reloaded/);
  expect(line).toMatch(
    /^agents: not reloaded, the last valid ones stay in use\..* one problem:\n.*a\.yaml:2:1 {2}temperature/,
  );
  expect(others).toEqual([]);
  expect(names()).toEqual(['a']);
  await write('agents/a.yaml', 'name: a\ntemperature: 1\n');
  expect(await printed(/reloaded a/)).toEqual([expect.stringMatching(/^agents: reloaded a \([0-9a-f]{8}\)$/)]);
});

test('an atomic save, a rename of the folder and its removal are noticed', async () => {
  const { folder, write, names, printed } = await reloading();
  await write('next.yaml', 'name: replaced\n');
  await rename(join(folder, 'next.yaml'), join(folder, 'agents', 'a.yaml'));
  await printed(/added replaced, removed a/);
  await write('agents/a.yaml', 'name: again\n');
  await printed(/added again, removed replaced/);
  await rename(join(folder, 'agents'), join(folder, 'away'));
  await printed(/removed again/);
  expect(names()).toEqual(['assistant']);
  await rename(join(folder, 'away'), join(folder, 'agents'));
  await printed(/added again, removed assistant/);
  await rm(join(folder, 'agents'), { recursive: true });
  await printed(/removed again/);
});

test('a change of the deployment file asks for a restart; dot files, other files and the same content are no change', async () => {
  const { write, printed } = await reloading();
  await write('agents/.a.yaml.swp', 'name: swap\n');
  await write('agents/notes.txt', 'a note\n');
  await write('agents/a.yaml', 'name: a\n');
  await write('perdure.yaml', 'policy: { maxSteps: 3 }\n');
  expect(await printed(/perdure\.yaml/)).toEqual([
    expect.stringMatching(/perdure\.yaml: changed; restart Perdure to apply it$/),
  ]);
});
