import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram } from '../../../dev-server/find-program.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { codeBlocks, read, ROOT, section } from '../../docs/documents.ts';
import { lastOutput, pay, startAskingStack, type AskingStack } from '../../support/asking-stack.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { pythonWithPackage, TEMPORALIO } from '../../support/python/python-package.ts';
import { registry } from '../../support/stack.ts';
import { temporalBinary, testTemporal } from '../../support/temporal/temporal-server.ts';

const run = promisify(execFile);

let asking: AskingStack;
let served: ServedGateway;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  asking = await startAskingStack();
  served = await serveGateway({
    gateway: createGateway({ ...asking.stack, agents: registry([{ name: 'assistant' }], []) }),
    port: 0,
  });
  folder = await mkdtemp(join(tmpdir(), 'perdure-approve-'));
  await symlink(await temporalBinary(), join(folder, 'temporal'));
  env = {
    PATH: `${folder}${delimiter}${process.env['PATH']}`,
    HOME: folder,
    TEMPORAL_ADDRESS: await testTemporal(),
    PERDURE_URL: served.url,
  };
}, 120_000);

afterAll(async () => {
  await served?.close();
  await asking?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('the approval of docs/temporal.md is given with the Temporal CLI', async ({ skip }) => {
  for (const program of ['bash', 'curl', 'grep']) {
    if (findProgram(program, process.env) === null) cannotRunHere(skip, `no ${program} on the PATH`);
  }
  const key = { user: 'ada', session: `cli-${Date.now()}` };
  await asking.ask(key, [pay(5)]);
  const [script = ''] = codeBlocks(section(read('docs/temporal.md'), 'Approvals from the Temporal CLI and Python'))
    .filter(({ language }) => language === 'bash')
    .map(({ code }) => code);
  const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...env, session: key.session },
    cwd: folder,
    timeout: 50_000,
  });

  expect(stdout).toContain('"answeredBy": "ada"');
  const events = await asking.stack.ended(key);
  expect(lastOutput(events)).toBe('paid 5');
  expect(events).toContainEqual(expect.objectContaining({ type: 'approval.decided', by: 'ada', reason: 'Agreed' }));
}, 60_000);

test('the approval of docs/temporal.md is given with the Python SDK, once', async ({ skip }) => {
  const python = await pythonWithPackage(TEMPORALIO);
  if ('unavailable' in python) return cannotRunHere(skip, python.unavailable);
  const key = asking.stack.key('from Python');
  await asking.ask(key, [pay(6)]);
  const program = join(ROOT, 'docs', 'examples', 'temporal_approve.py');
  const { stdout } = await run(python.path, [program, key.user, key.session], { env, cwd: folder });

  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([{ tool: 'pay', arguments: { euros: 6 } }, { answeredBy: key.user }, { refused: 'already_decided' }]);
  expect(lastOutput(await asking.stack.ended(key))).toBe('paid 6');
}, 360_000);
