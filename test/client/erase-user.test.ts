import { expect, test } from 'vitest';
import { createPerdure } from '../../client/create-perdure.ts';
import type { Erasure } from '../../contracts/admin/erasure.ts';
import { freePort } from '../support/mcp/free-port.ts';
import { problem, startFakeGateway, type FakeGatewayOptions } from '../support/gateway/fake-gateway.ts';

const BEGUN: Erasure = {
  id: 'e1',
  user: 'a/b Zoë',
  requestedAt: '2026-11-28T00:00:00.000Z',
  endedAt: null,
  durationMs: 1,
  step: null,
  counts: {},
  error: null,
};
const ENDED: Erasure = { ...BEGUN, user: null, endedAt: '2026-11-28T00:00:09.000Z', counts: { 'rows.sessions': 3 } };

/** Responds to the request that begins the erasure, and then to each read with the next of the reports. */
function erasing(...reports: (Erasure | ReturnType<typeof problem>)[]): FakeGatewayOptions {
  return {
    handle({ method, path }) {
      if (method === 'DELETE' && path === '/v1/users/a%2Fb%20Zo%C3%AB') return { status: 202, body: BEGUN };
      if (path !== '/v1/erasures/e1') return undefined;
      const next = reports.shift() ?? ENDED;
      return 'status' in next ? next : { body: next };
    },
  };
}

test('the erasure of a user is followed to its end, and its report returned', async () => {
  await using stack = new AsyncDisposableStack();
  const steps = (['temporal', 'verify'] as const).map((step) => ({ ...BEGUN, step }));
  const gateway = stack.adopt(await startFakeGateway(erasing(...steps)), (it) => it.close());
  const seen: unknown[] = [];
  const perdure = createPerdure({ gateway: gateway.url });
  const report = await perdure.erase(BEGUN.user ?? '', { onProgress: ({ step }) => seen.push(step) });
  expect(report).toEqual(ENDED);
  expect(seen).toEqual([null, 'temporal', 'verify']);
  expect(await perdure.erasure('e1')).toEqual(ENDED);
});

test('a store that is away and a gateway that restarts do not end the waiting', async () => {
  await using stack = new AsyncDisposableStack();
  const away = problem(503, 'store_unavailable', 'The store is away.');
  const port = await freePort();
  const first = await startFakeGateway({ ...erasing(away, { ...BEGUN, step: 'rows' }), port });
  const restarted = Promise.withResolvers<void>();
  const report = createPerdure({ gateway: first.url }).erase(BEGUN.user ?? '', {
    onProgress({ step }) {
      if (step === 'rows') void first.close().then(restarted.resolve);
    },
  });
  await Promise.race([restarted.promise, report]);
  stack.adopt(await startFakeGateway({ ...erasing(), port }), (it) => it.close());
  expect(await report).toEqual(ENDED);
});

test('whoever may not erase learns it at once', async () => {
  await using stack = new AsyncDisposableStack();
  const forbidden = problem(403, 'forbidden', 'Only operators may erase a user.');
  const gateway = stack.adopt(await startFakeGateway({ handle: () => forbidden }), (it) => it.close());
  await expect(createPerdure({ gateway: gateway.url }).erase('ada')).rejects.toMatchObject({ code: 'forbidden' });
  expect(gateway.requests).toHaveLength(1);
});

test('a signal ends the waiting, not the erasure', async () => {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.adopt(await startFakeGateway(erasing(BEGUN, BEGUN, BEGUN)), (it) => it.close());
  const stop = new AbortController();
  const report = createPerdure({ gateway: gateway.url }).erase(BEGUN.user ?? '', {
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('enough')),
  });
  await expect(report).rejects.toThrow('enough');
  expect(gateway.requests.map(({ method }) => method)).toEqual(['DELETE']);
});
