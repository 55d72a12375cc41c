import { expect, onTestFinished, test } from 'vitest';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const HEALTH = /^Health and metrics are at (\S+)\.$/m;

test('a worker of its own shows its health, its metrics and Temporal’s; its log is JSON without the user', async () => {
  const { url: database, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ DATABASE_URL: database, TEMPORAL_ADDRESS: temporal.address, PERDURE_METRICS_PORT: '0' });
  const [gateway, worker] = await Promise.all([home.start('gateway'), home.start('worker')]);
  const health = HEALTH.exec(worker.output())?.[1] ?? '';

  const answer = await fetch(`${gateway.url}/v1/sessions/trip/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30', 'perdure-user': 'ADA-LOVELACE' },
    body: JSON.stringify({ content: 'SECRET-QUESTION @fail=503 @fail-times=1 @then @echo=SECRET-ANSWER' }),
  });
  expect(await answer.json()).toMatchObject({ answer: expect.any(String) });

  const ready = await fetch(`${health}/readyz`);
  expect(await ready.json()).toEqual({
    status: 'ready',
    checks: { store: true, temporal: true, workflows: true, live: true },
    redis: null,
  });
  const metrics = await (await fetch(`${health}/metrics`)).text();
  expect(metrics).toMatch(/^perdure_runs_total\{agent="assistant",outcome="completed"\} 1$/m);
  expect(metrics).toMatch(/^temporal_worker_task_slots_available\{[^}]*worker_type="ActivityWorker"[^}]*\} \d+$/m);
  expect(metrics).toMatch(/^temporal_workflow_task_execution_latency_seconds_bucket\{/m);
  expect(metrics).toMatch(/^process_resident_memory_bytes \d+$/m);

  const lines = worker
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: 'Model call failed', session: 'trip', step: 1, attempt: 1 }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'info', msg: 'Run completed', session: 'trip', agent: 'assistant' }),
  );
  const told = [worker.output(), gateway.output(), metrics].join('\n');
  expect(told).not.toMatch(/ADA-LOVELACE|SECRET/);
  await Promise.all([gateway.stop(), worker.stop()]);
});
