import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway } from '../../../gateway/serve-gateway.ts';
import { cannotRunHere } from '../../support/cannot-run-here.ts';
import { pythonWithPackage, SCHEMATHESIS } from '../../support/python/python-package.ts';
import { registry, startStack } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const SEED = 7;

/** Requests for each operation and phase. */
const EXAMPLES = 10;

/** Faults of the gateway, and responses that its document does not have. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

test('no generated request meets a fault, an undocumented status or a response off its schema', async ({ skip }) => {
  const python = await pythonWithPackage(SCHEMATHESIS);
  if ('unavailable' in python) return cannotRunHere(skip, python.unavailable);
  const agents = [{ name: 'assistant' }];
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes', agents });
  const gateway = createGateway({
    ...stack,
    agents: registry(agents, []),
    tokens: 'secret=fuzz',
    operators: 'fuzz',
  });
  const served = await serveGateway({ gateway, port: 0 });
  try {
    const { code, output } = await run(join(dirname(python.path), 'schemathesis'), [
      'run',
      `${served.url}/openapi.json`,
      '--header=Authorization: Bearer secret',
      '--header=Accept: application/json',
      `--checks=${CHECKS.join(',')}`,
      '--phases=examples,coverage,fuzzing,stateful',
      `--seed=${SEED}`,
      `--max-examples=${EXAMPLES}`,
      '--continue-on-failure',
      '--request-timeout=20',
      '--workers=1',
      '--generation-database=none',
      '--no-color',
    ]);
    expect(output).toContain('Test cases:');
    expect([code, code === 0 ? '' : output]).toEqual([0, '']);
  } finally {
    await served.close();
  }
}, 600_000);

/** Runs a program in a folder of its own, in which it keeps its cache. */
async function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const cwd = await temporaryFolder();
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error && typeof error.code === 'string') reject(error);
      else resolve({ code: child.exitCode, output: `${stdout}${stderr}` });
    });
  });
}
