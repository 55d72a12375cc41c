import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calculator } from '../../../agents/tools/calculator.ts';
import { clock } from '../../../agents/tools/clock.ts';
import { findProgram } from '../../../dev-server/find-program.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { createScriptedProvider } from '../../../models/scripted/scripted-demo.ts';
import { codeBlocks, read, ROOT, section } from '../../docs/documents.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { pythonWithPackage, TEMPORALIO } from '../../support/python/python-package.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { temporalBinary, testTemporal } from '../../support/temporal/temporal-server.ts';

const run = promisify(execFile);
const document = read('docs/temporal.md');
const agents = [{ name: 'assistant', tools: ['calculator', 'clock'] }];

let stack: Stack;
let served: ServedGateway;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const address = await testTemporal();
  const tools = [calculator, clock];
  const client = createScriptedProvider();
  const model = { defaultModel: 'scripted/instant', resolve: () => ({ client, model: 'instant' }) };
  stack = await startStack({ temporal: address, model, agents, tools });
  const gateway = createGateway({ ...stack, agents: registry(agents, tools) });
  served = await serveGateway({ gateway, port: 0 });
  folder = await mkdtemp(join(tmpdir(), 'perdure-languages-'));
  await symlink(await temporalBinary(), join(folder, 'temporal'));
  env = {
    PATH: `${folder}${delimiter}${process.env['PATH']}`,
    // No settings of the machine's user.
    HOME: folder,
    TEMPORAL_ADDRESS: address,
    PERDURE_URL: served.url,
    PERDURE_TASK_QUEUE: stack.taskQueue,
  };
}, 120_000);

afterAll(async () => {
  await served?.close();
  await stack?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('the conversation of docs/temporal.md is had with the Temporal CLI alone', async ({ skip }) => {
  for (const program of ['bash', 'curl']) {
    if (findProgram(program, process.env) === null) cannotRunHere(skip, `no ${program} on the PATH`);
  }
  const commands = blocksOf('The same conversation from the Temporal CLI', 'bash');
  const script = commands.join('\necho ---\n').replaceAll('--task-queue perdure', `--task-queue ${stack.taskQueue}`);

  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    env,
    cwd: folder,
    timeout: 50_000,
  });
  const [receipt, , , transcript, refused] = stdout.split('---\n');

  expect(commands).toHaveLength(5);
  expect(receipt).toMatch(/"messageId": *"cli-1"/);
  expect(contents(JSON.parse(transcript ?? ''))).toEqual([
    'What is 12 * 34?',
    expect.stringContaining('408'),
    'And what time is it?',
    expect.stringContaining('clock'),
  ]);
  expect(refused).toContain('has ended');
}, 60_000);

test('the conversation of docs/temporal.md is had with the Python SDK alone', async ({ skip }) => {
  const python = await pythonWithPackage(TEMPORALIO);
  if ('unavailable' in python) return cannotRunHere(skip, python.unavailable);
  const program = join(ROOT, 'docs', 'examples', 'temporal_python.py');

  const { stdout } = await run(python.path, [program, 'ada: lovelace', 'from Python'], { env, cwd: folder });
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const [receipt, repeated] = said;

  expect(receipt).toMatchObject({ receipt: { messageId: 'python-1', disposition: 'started', position: 0 } });
  expect(repeated).toEqual({ repeated: receipt?.['receipt'] });
  expect(said.slice(2)).toEqual([
    { answer: expect.stringContaining('408') },
    { answer: expect.stringContaining('clock') },
    { snapshot: expect.objectContaining({ status: 'active', agent: 'assistant', queue: [] }) },
    { refused: 'session_ended' },
  ]);
}, 360_000);

function blocksOf(heading: string, language: string): readonly string[] {
  return codeBlocks(section(document, heading))
    .filter((block) => block.language === language)
    .map(({ code }) => code);
}

/** What user and assistant said, the assistant's empty words before a tool call left out. */
function contents({ data }: { data: { role: string; content: string }[] }): string[] {
  return data.filter(({ role, content }) => role !== 'tool' && content !== '').map(({ content }) => content);
}
