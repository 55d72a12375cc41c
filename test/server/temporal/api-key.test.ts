import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { startGrpcProxy } from '../../support/temporal/grpc-proxy.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the API key and the namespace of a profile are in the headers of every call', async () => {
  const { home, server } = await startDeployment({ temporal: { namespace: 'orders' } });
  const proxy = await startGrpcProxy(server.address);
  const file = join(await temporaryFolder(), 'temporal.toml');
  await writeFile(
    file,
    `[profile.staging]
address = "${proxy.address}"
namespace = "orders"
api_key = "canary-key"
tls.disabled = true
grpc_meta.tenant = "acme"
`,
  );
  const env = { TEMPORAL_ADDRESS: '', TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'staging' };
  const gateway = await home.start('gateway', env);
  const worker = await home.start('worker', env);

  const message = { content: 'Hello @echo=there' };
  const caller = callerOf(gateway, 's');
  const sent = await callJson<{ answer: string }>(caller, 'POST', pathOf('s', 'messages'), message, {
    prefer: 'wait=30',
  });
  expect(sent.answer).toBe('there');
  const { stdout } = await runCli(['doctor'], { ...env, PERDURE_PORT: '0' });
  expect(stdout).toContain(`Temporal: reachable at ${proxy.address}, namespace orders`);

  const { calls } = proxy;
  expect(calls.filter(({ authorization }) => authorization !== 'Bearer canary-key')).toEqual([]);
  expect(calls.filter(({ tenant }) => tenant !== 'acme')).toEqual([]);
  expect(new Set(calls.map(({ namespace }) => namespace))).toEqual(new Set(['orders', undefined]));
  const withoutNamespace = calls
    .filter(({ namespace }) => namespace === undefined)
    .map(({ path }) => path.split('/').at(-1));
  expect(withoutNamespace).not.toContain('PollWorkflowTaskQueue');
  expect(withoutNamespace).not.toContain('SignalWithStartWorkflowExecution');
  expect(stdout + gateway.output() + worker.output()).not.toContain('canary');
}, 120_000);
