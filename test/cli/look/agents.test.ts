import { expect, test } from 'vitest';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';

const database = embeddedDatabase();
const AGENTS = [{ name: 'assistant' }, { name: 'poet', model: 'openai/verse' }];
const agents = { defaultAgent: 'assistant', list: () => AGENTS, agent: () => undefined };

/** The rows of the table that `perdure agents` prints, in columns. */
async function rowsOf(defaultModel: string | undefined): Promise<string[][]> {
  const { env } = await servedGateway(database.db, { agents, defaultModel });
  const { stdout, code } = await runCli(['agents'], env);
  expect(code).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
}

test('the model of an agent that names none is shown by its name, as the default', async () => {
  expect(await rowsOf('scripted/demo')).toEqual([
    ['AGENT', 'MODEL', 'TOOLS', 'DESCRIPTION'],
    ['assistant', 'scripted/demo (default)', 'no tools'],
    ['poet', 'openai/verse', 'no tools'],
  ]);
});

test('a gateway without that setting leaves the default to the workers', async () => {
  expect((await rowsOf(undefined))[1]).toEqual(['assistant', "the workers' default", 'no tools']);
});
