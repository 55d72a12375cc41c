import { expect, test } from 'vitest';
import { MAINTENANCE_SCHEDULE } from '../../../contracts/names.ts';
import { callJson, pathOf } from '../../support/gateway/http-calls.ts';
import { callerOf, startDeployment } from '../../support/process/deployment.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { createAuthority } from '../../support/temporal/certificates.ts';
import { startGrpcProxy } from '../../support/temporal/grpc-proxy.ts';

/** A deployment whose Temporal server is behind TLS, for clients with a certificate. */
async function startBehindTls() {
  const authority = await createAuthority();
  const client = authority.sign('client');
  const deployment = await startDeployment();
  const certificate = authority.sign('server', { names: 'DNS:temporal.internal' });
  const proxy = await startGrpcProxy(deployment.server.address, {
    tls: { ...certificate, clientAuthority: authority.cert },
  });
  const trusting = {
    TEMPORAL_ADDRESS: proxy.address,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority.cert,
    TEMPORAL_TLS_SERVER_NAME: 'temporal.internal',
  };
  const env = {
    ...trusting,
    TEMPORAL_TLS_CLIENT_CERT_PATH: client.cert,
    TEMPORAL_TLS_CLIENT_KEY_PATH: client.key,
  };
  return { ...deployment, proxy, trusting, env };
}

interface Report {
  readonly findings: readonly {
    readonly check: string;
    readonly state: string;
    readonly found: string;
    readonly remedy: string;
  }[];
}

async function findingsOf(env: Record<string, string>) {
  const { stdout } = await runCli(['doctor', '--json'], { PERDURE_PORT: '0', ...env });
  const { findings } = JSON.parse(stdout) as Report;
  return (check: string) => findings.find((finding) => finding.check === check);
}

test('with a client certificate, workers, gateways, the schedule and the commands work through TLS', async () => {
  const { home, env, proxy, temporal, databaseUrl } = await startBehindTls();
  const gateway = await home.start('gateway', env);
  expect(gateway.output()).not.toContain('Temporal at');
  await home.start('worker', env);

  const message = { content: 'Hello @echo=there' };
  const caller = callerOf(gateway, 's');
  const sent = await callJson<{ answer: string }>(caller, 'POST', pathOf('s', 'messages'), message, {
    prefer: 'wait=30',
  });
  expect(sent.answer).toBe('there');
  const { spec } = await temporal.schedule.getHandle(MAINTENANCE_SCHEDULE).describe();
  expect(spec.intervals).toHaveLength(1);
  const ready = await callJson<{ workflows: boolean }>(caller, 'GET', '/readyz');
  expect(ready.workflows).toBe(true);
  const found = await findingsOf({ ...env, DATABASE_URL: databaseUrl });
  expect(found('Temporal')).toMatchObject({ state: 'ok', found: `reachable at ${proxy.address}, namespace default` });
  expect(found('Search attributes')).toMatchObject({ state: 'ok' });
  expect(found('Worker')).toMatchObject({ state: 'ok', found: '1 worker polling' });
  expect(await runCli(['check-histories'], env)).toMatchObject({ code: 0, stderr: '' });
  expect(await runCli(['deploy', 'status'], env)).toMatchObject({ code: 0, stderr: '' });
  const calls = proxy.calls.map(({ path }) => path.split('/').at(-1));
  expect(calls).toEqual(
    expect.arrayContaining(['SignalWithStartWorkflowExecution', 'PollWorkflowTaskQueue', 'CreateSchedule']),
  );
}, 120_000);

test('without the certificate, with an expired one and with another authority, each says so in a sentence', async () => {
  const { home, env, trusting, proxy, databaseUrl } = await startBehindTls();
  const required = `${proxy.address} requires a client certificate`;
  const remedy = 'Set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH.';

  const worker = await home.fails('worker', trusting);
  expect(worker.code).not.toBe(0);
  expect(worker.output).toContain(`Temporal at "${proxy.address}" requires a client certificate. ${remedy}`);
  expect(worker.output).not.toContain('Trying again');
  const gateway = await home.start('gateway', trusting);
  await gateway.says(/requires a client certificate\. Messages are accepted and wait until it can be used/);
  const found = await findingsOf({ ...trusting, DATABASE_URL: databaseUrl });
  expect(found('Temporal')).toMatchObject({ state: 'problem', found: `the server at ${required}`, remedy });
  expect((await runCli(['check-histories'], trusting)).stderr).toContain(`Temporal at ${required}. ${remedy}`);

  const plain = await home.fails('worker', { TEMPORAL_ADDRESS: proxy.address });
  expect(plain.output).toContain('accepts TLS only. Set TEMPORAL_TLS=true');
  const other = await createAuthority();
  const strangers = await home.fails('worker', { ...env, TEMPORAL_TLS_SERVER_CA_CERT_PATH: other.cert });
  expect(strangers.output).toContain('has a certificate of an authority that is not trusted');
  const expired = other.sign('expired', { days: -1 });
  const pair = { TEMPORAL_TLS_CLIENT_CERT_PATH: expired.cert, TEMPORAL_TLS_CLIENT_KEY_PATH: expired.key };
  const late = await home.fails('worker', { ...env, ...pair });
  expect(late.output).toMatch(/The certificate in TEMPORAL_TLS_CLIENT_CERT_PATH expired on .* Renew it\./);
  expect((await findingsOf({ ...env, ...pair }))('Temporal')).toMatchObject({
    state: 'problem',
    found: expect.stringContaining('expired on') as string,
  });
}, 120_000);
