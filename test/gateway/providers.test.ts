import { expect, test } from 'vitest';
import { providerLimits } from '../../core/providers/provider-limits.ts';
import { releaseSlot } from '../../store/admin/providers/release-slot.ts';
import { openMemoryStore } from '../support/store/memory-store.ts';
import { startGateway } from './start-gateway.ts';

const FAILED = { health: 'down', replied: false, tokens: null } as const;
const json = async (response: Response): Promise<unknown> => response.json();

test('providers are listed with their limits and circuits, and readiness lists unhealthy ones', async () => {
  const db = await openMemoryStore();
  const deployment = { providers: { openai: { concurrency: 4 }, local: { circuit: { failures: 1 } } } };
  const { call } = startGateway(db, { deployment });
  const closed = { state: 'closed', failures: 0, since: null, until: null };
  const unlimited = { concurrency: null, requestsPerMinute: null, tokensPerMinute: null };
  const idle = { circuit: closed, coolDownUntil: null, inFlight: 0, waiting: 0 };
  expect(await json(await call('GET', '/v1/providers'))).toEqual({
    data: [
      { provider: 'local', ...idle, limits: unlimited },
      { provider: 'openai', ...idle, limits: { ...unlimited, concurrency: 4 } },
    ],
    nextCursor: null,
  });
  const limits = providerLimits(deployment.providers.local);
  await releaseSlot(db, { provider: 'local', limits, slotId: null, outcome: FAILED });
  expect(await json(await call('GET', '/v1/providers'))).toMatchObject({
    data: [{ provider: 'local', circuit: { state: 'open', failures: 1, until: expect.any(String) } }, {}],
  });
  const ready = await call('GET', '/readyz');
  expect(ready.status).toBe(200);
  expect(await json(ready)).toMatchObject({
    status: 'ready',
    providers: [{ provider: 'local', circuit: 'open', coolDownUntil: null }],
  });
  const metrics = await (await call('GET', '/metrics')).text();
  expect(metrics).toContain('perdure_provider_circuit_state{provider="local"} 2');
  expect(metrics).toContain('perdure_provider_circuit_state{provider="openai"} 0');
  await db.close();
});
