import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { startGrpcProxy } from '../../support/temporal/grpc-proxy.ts';
import { temporalBinary } from '../../support/temporal/temporal-server.ts';

/** As Temporal Cloud, which has no operator's calls for clients, nor creates namespaces for them. */
const refuses = (path: string): boolean => path.includes('.OperatorService/') || path.endsWith('/RegisterNamespace');

const COMMAND =
  'temporal operator search-attribute create --namespace default --name PerdureUser --type Keyword --name PerdureAgent --type Keyword --name PerdureStatus --type Keyword';

/** What doctor finds of the search attributes. */
async function searchAttributes(env: Record<string, string>) {
  const { stdout } = await runCli(['doctor', '--json'], { PERDURE_PORT: '0', ...env });
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; state: string; found: string; remedy: string }[];
  };
  return findings.find(({ check }) => check === 'Search attributes');
}

test('where search attributes were created beforehand, a worker needs no right to create or to list them', async () => {
  const { home, server } = await startDeployment();
  const proxy = await startGrpcProxy(server.address, { refuses });
  const env = { TEMPORAL_ADDRESS: proxy.address };
  const [gateway] = await Promise.all([home.start('gateway', env), home.start('worker', env)]);

  const message = { content: 'Hello @echo=there' };
  const caller = callerOf(gateway, 's');
  const sent = await callJson<{ answer: string }>(caller, 'POST', pathOf('s', 'messages'), message, {
    prefer: 'wait=30',
  });
  expect(sent.answer).toBe('there');
  expect(await callJson<object>(caller, 'GET', '/readyz')).toMatchObject({ status: 'ready', workflows: true });
  expect(await searchAttributes(env)).toMatchObject({ state: 'ok' });
  expect(proxy.calls.filter(({ path }) => path.endsWith('/AddSearchAttributes'))).toEqual([]);
}, 120_000);

test('where they are missing, the worker and doctor name them with the command that creates them', async () => {
  const { home, server } = await startDeployment();
  await server.kill();
  await server.restartEmpty();
  const proxy = await startGrpcProxy(server.address, { refuses });
  const env = { TEMPORAL_ADDRESS: proxy.address };

  const { code, output } = await home.fails('worker', env);
  expect(code).not.toBe(0);
  expect(output).toContain(
    `The namespace default lacks the search attributes PerdureUser, PerdureAgent, PerdureStatus, and Temporal does not let this worker create them. Create them with: ${COMMAND}`,
  );
  expect(await searchAttributes(env)).toMatchObject({
    state: 'problem',
    found: 'the namespace default lacks PerdureUser, PerdureAgent, PerdureStatus',
    remedy: expect.stringContaining(COMMAND) as string,
  });

  const [, ...args] = COMMAND.split(' ');
  await promisify(execFile)(await temporalBinary(), [...args, '--address', server.address]);
  await expect.poll(() => searchAttributes(env), { timeout: 60_000 }).toMatchObject({ state: 'ok' });
  await home.start('worker', env);
}, 180_000);

test('a worker whose namespace is missing says so', async () => {
  const { home } = await startDeployment();
  const absent = await home.fails('worker', { TEMPORAL_NAMESPACE: 'nowhere' });
  expect(absent.output).toContain(
    'Temporal has no namespace "nowhere". Create it, or set TEMPORAL_NAMESPACE to another.',
  );
}, 120_000);

test('a worker that may not use its namespace says so', async () => {
  const { home, server } = await startDeployment();
  for (const mayConnect of [true, false]) {
    const proxy = await startGrpcProxy(server.address, {
      refuses: (path) => !mayConnect || !path.endsWith('/GetSystemInfo'),
    });
    const denied = await home.fails('worker', { TEMPORAL_ADDRESS: proxy.address });
    expect(denied.output).toContain('Temporal denies this credential access to the namespace');
  }
}, 120_000);
