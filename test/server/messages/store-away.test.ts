import { expect, onTestFinished, test } from 'vitest';
import { PerdureError } from '../../../contracts/errors.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { Db } from '../../../store/db/db.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { registry, startStack } from '../../support/stack.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** How many tries a local activity has. */
const TRIES = 4;

test('while the store is away and a signal waits, an update is rejected at once, and does not claim that nothing was accepted', async () => {
  const store = failingStore(await openMemoryStore());
  onTestFinished(() => store.db.close());
  await using stack = await startStack({ temporal: await testTemporal(), db: store.db, model: () => 'yes' });
  const key = stack.key();
  store.fail();
  await stack.sender.signal(key, { id: 's1', content: 'by signal' });
  // The first attempt has failed, and the store does not respond to the second one.
  await store.hangs;
  const refused = await stack.sender.submit(key, { id: 'u1', content: 'by update' }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'store_unavailable', retryAfterMs: 2_000 });
  expect((refused as Error).message).toMatch(/not known whether/);

  store.recover();
  const events = await stack.ended(key, 1);
  expect(events.filter(({ type }) => type === 'message.received')).toMatchObject([{ messageId: 's1' }]);
  await stack.sender.submit(key, { id: 'u1', content: 'by update' });
  await stack.ended(key, 2);
  await expect(replaySession(stack.client, key)).resolves.toBeUndefined();
});

test('a cancel stops the model call while the store does not respond, and the run ends when the store is back', async () => {
  const store = failingStore(await openMemoryStore());
  onTestFinished(() => store.db.close());
  const held = heldModel();
  await using stack = await startStack({ temporal: await testTemporal(), db: store.db, model: held.model });
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'hold on' });
  const call = await held.call('hold on');
  store.hang();
  expect(await stack.sender.cancel(key, {})).toEqual({ runId });
  await call.aborted;
  store.recover();
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.cancelled', runId, reason: 'cancelled' });
});

test.each(['does not respond to the workflow', 'is not available to the gateway'])(
  'a cancel over HTTP stops the model call of a session that is served while the store %s, and the run ends when the store is back',
  async (fault) => {
    const store = failingStore(await openMemoryStore());
    onTestFinished(() => store.db.close());
    const held = heldModel();
    await using stack = await startStack({ temporal: await testTemporal(), db: store.db, model: held.model });
    let isAway = false;
    const db: Db = {
      ...store.db,
      query: async (...statement) => {
        if (isAway) throw new PerdureError('store_unavailable', 'The store is away.');
        return await store.db.query(...statement);
      },
    };
    const gateway = createGateway({ ...stack, db, agents: registry([{ name: 'assistant' }], []) });
    onTestFinished(() => gateway.close());
    const key = stack.key();
    const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
      await gateway.app.request(`/v1/sessions/${key.session}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'perdure-user': key.user, ...headers },
        body: JSON.stringify(body),
      });
    await post('messages', { content: 'hello' }, { prefer: 'wait=30' });
    const { runId } = (await (await post('messages', { content: 'hold on' })).json()) as { runId: string };
    const call = await held.call('hold on');
    store.hang();
    isAway = fault === 'is not available to the gateway';
    const cancelled = post(`runs/${runId}/cancel`, {});
    await call.aborted;
    store.recover();
    expect(await (await cancelled).json()).toMatchObject(isAway ? { code: 'store_unavailable' } : { runId });
    isAway = false;
    expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.cancelled', runId, reason: 'cancelled' });
  },
);

interface FailingStore {
  readonly db: Db;
  readonly hangs: Promise<void>;
  /** From now on the transactions of one local activity are rejected, with all its tries; then the store hangs. */
  fail(): void;
  /** From now on no transaction is executed until `recover`. */
  hang(): void;
  recover(): void;
}

function failingStore(db: Db): FailingStore {
  const hangs = Promise.withResolvers<void>();
  const recovered = Promise.withResolvers<void>();
  let failures = Number.NEGATIVE_INFINITY;
  return {
    hangs: hangs.promise,
    fail: () => (failures = 0),
    hang: () => (failures = TRIES),
    recover: () => recovered.resolve(),
    db: {
      ...db,
      transaction: async (work) => {
        failures += 1;
        if (failures > TRIES) {
          hangs.resolve();
          await recovered.promise;
        } else if (failures > 0) {
          throw new PerdureError('store_unavailable', 'The store is away.');
        }
        return await db.transaction(work);
      },
    },
  };
}
