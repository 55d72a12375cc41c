import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { providerLimits, type ProviderLimits } from '../../../core/providers/provider-limits.ts';
import type { ProviderOutcome } from '../../../core/providers/provider-state.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { acquireSlot, type SlotResult } from '../../../store/admin/providers/acquire-slot.ts';
import { listSessionsWithOpenRuns } from '../../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import { renewSlots } from '../../../store/admin/providers/renew-slots.ts';
import { readProviders } from '../../../store/admin/providers/read-providers.ts';
import { releaseSlot } from '../../../store/admin/providers/release-slot.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { commitRunEnd } from '../../../store/runs/commit-run-end.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { newKey, started } from '../conversation.ts';

const REPLIED: ProviderOutcome = { health: 'up', replied: true, tokens: 10 };
const FAILED: ProviderOutcome = { health: 'down', replied: false, tokens: null };

/** A provider that no other test has. */
const provider = () => `provider-${randomUUID()}`;

function slotOf(result: SlotResult): string {
  if (result.kind !== 'granted' || result.slotId === null) throw new Error(`It was ${result.kind}.`);
  return result.slotId;
}

describeStores(DATABASES, (db) => {
  const ask = (
    name: string,
    limits: ProviderLimits,
    who: { readonly key: SessionKey; readonly runId: string } = { key: newKey(), runId: randomUUID() },
    maxWaitMs = 60_000,
  ): Promise<SlotResult> =>
    acquireSlot(db(), who.key, { provider: name, limits, runId: who.runId, maxWaitMs, random: 0 });

  const release = (name: string, limits: ProviderLimits, slotId: string | null, outcome: ProviderOutcome) =>
    releaseSlot(db(), { provider: name, limits, slotId, outcome });

  const waits = ({ user, session }: SessionKey) =>
    db().query<{ kind: string; provider: string; ended: boolean }>(
      `SELECT kind, provider, ended_at IS NOT NULL AS ended FROM perdure.waits
        WHERE user_id = $1 AND session_id = $2 ORDER BY started_at`,
      [user, session],
    );

  test('no more calls are going than may; a released slot goes to a waiter', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 2 });
    const first = slotOf(await ask(name, limits));
    slotOf(await ask(name, limits));
    const late = { key: newKey(), runId: 'late' };
    expect(await ask(name, limits, late)).toMatchObject({ kind: 'wait', why: 'rate_limit', isNew: true });
    expect(await ask(name, limits, late)).toMatchObject({ kind: 'wait', isNew: false });
    expect(await waits(late.key)).toEqual([{ kind: 'rate_limit', provider: name, ended: false }]);
    await release(name, limits, first, REPLIED);
    expect(await ask(name, limits, late)).toMatchObject({ kind: 'granted', waitedMs: expect.any(Number) });
    expect(await waits(late.key)).toEqual([{ kind: 'rate_limit', provider: name, ended: true }]);
    expect((await readProviders(db())).find((one) => one.provider === name)).toMatchObject({ inFlight: 2, waiting: 0 });
  });

  test('a session whose run waits for its provider does not stand still, until the run is late to ask again', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    slotOf(await ask(name, limits));
    const { key, runId } = await started(db());
    const stands = async () => {
      const found = await listSessionsWithOpenRuns(db(), { quietForMs: 0, after: null, limit: 10_000 });
      return found.some((one) => one.key.session === key.session);
    };
    expect(await stands()).toBe(true);
    expect(await ask(name, limits, { key, runId })).toMatchObject({ kind: 'wait' });
    expect(await stands()).toBe(false);
    await db().query(`UPDATE perdure.provider_tickets SET due_at = clock_timestamp() WHERE session_id = $1`, [
      key.session,
    ]);
    expect(await stands()).toBe(true);
  });

  test('asked by many at once, it grants no more than may go', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 3, requestsPerMinute: 1_000 });
    const results = await Promise.all(Array.from({ length: 30 }, () => ask(name, limits)));
    expect(results.filter(({ kind }) => kind === 'granted')).toHaveLength(3);
  });

  test('a minute has no more calls than may begin in it, and an unused slot is refunded', async () => {
    const name = provider();
    const limits = providerLimits({ requestsPerMinute: 20 });
    slotOf(await ask(name, limits));
    const second = slotOf(await ask(name, limits));
    expect(await ask(name, limits)).toMatchObject({ kind: 'wait', why: 'rate_limit', untilMs: expect.any(Number) });
    await release(name, limits, second, { health: 'unused', replied: false, tokens: null });
    slotOf(await ask(name, limits));
  });

  test('a slot that its worker does not renew expires', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    const slot = slotOf(await ask(name, limits));
    const expire = (id: string) =>
      db().query(`UPDATE perdure.provider_places SET expires_at = clock_timestamp() WHERE place_id = $1`, [id]);
    await expire(slot);
    await renewSlots(db(), [slot]);
    const waiting = { key: newKey(), runId: 'waiting' };
    expect(await ask(name, limits, waiting)).toMatchObject({ kind: 'wait' });
    await expire(slot);
    slotOf(await ask(name, limits, waiting));
    // The lost worker is back: what it says of its call changes no count.
    await release(name, limits, slot, REPLIED);
    expect(await ask(name, limits)).toMatchObject({ kind: 'wait' });
  });

  test('failures in a row open the circuit for everybody; one trial call closes it', async () => {
    const name = provider();
    const limits = providerLimits({ circuit: { failures: 3, openMs: 60_000 } });
    for (const _ of [1, 2]) expect(await release(name, limits, null, FAILED)).toMatchObject({ healthy: false });
    await release(name, limits, null, REPLIED);
    for (const _ of [1, 2]) await release(name, limits, null, FAILED);
    expect(await ask(name, limits)).toMatchObject({ kind: 'granted', slotId: null });
    await release(name, limits, null, FAILED);
    const waiting = { key: newKey(), runId: 'waiting' };
    const open = await ask(name, limits, waiting);
    expect(open).toMatchObject({ kind: 'wait', why: 'circuit' });
    await db().query(
      `UPDATE perdure.providers SET state = jsonb_set(state::jsonb, '{circuit,openUntilMs}', '1')::json
                       WHERE provider = $1`,
      [name],
    );
    const trial = slotOf(await ask(name, limits, waiting));
    expect(await ask(name, limits)).toMatchObject({ kind: 'wait', why: 'circuit', untilMs: null });
    expect(await release(name, limits, trial, REPLIED)).toEqual({ wasHealthy: false, healthy: true });
    expect(await ask(name, limits)).toMatchObject({ kind: 'granted', healthy: true });
  });

  test('after a refusal nobody goes until the time that the provider named, and a wait for another reason is another wait', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    const slot = slotOf(await ask(name, limits));
    const waiting = { key: newKey(), runId: 'waiting' };
    await ask(name, limits, waiting);
    await release(name, limits, slot, { health: 'up', replied: false, retryAfterMs: 90_000, tokens: null });
    const result = await ask(name, limits, waiting);
    expect(result).toMatchObject({ kind: 'wait', why: 'cool_down', isNew: true });
    expect(result.kind === 'wait' && result.untilMs).toBeGreaterThan(Date.now() + 60_000);
    expect((await waits(waiting.key)).map(({ kind, ended }) => [kind, ended])).toEqual([
      ['rate_limit', true],
      ['cool_down', false],
    ]);
  });

  test('who would wait longer than it may is refused, and leaves the queue', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    const slot = slotOf(await ask(name, limits));
    const hasty = { key: newKey(), runId: 'hasty' };
    expect(await ask(name, limits, hasty, 0)).toMatchObject({ kind: 'refused', why: 'rate_limit' });
    const patient = { key: newKey(), runId: 'patient' };
    await ask(name, limits, patient, 60_000);
    expect(await ask(name, limits, patient, 0)).toMatchObject({ kind: 'refused' });
    expect(await waits(patient.key)).toMatchObject([{ ended: true }]);
    expect((await readProviders(db())).find((one) => one.provider === name)).toMatchObject({ waiting: 0 });
    await release(name, limits, slot, REPLIED);
  });

  test('a free slot goes to the user who was served less, not to who asks first', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    const ann = Array.from({ length: 4 }, (_, index) => ({ key: newKey('ann'), runId: `ann-${index}` }));
    const slot = slotOf(await ask(name, limits, ann[0]));
    for (const one of ann.slice(1)) await ask(name, limits, one);
    const bob = { key: newKey('bob'), runId: 'bob-1' };
    await ask(name, limits, bob);
    await release(name, limits, slot, REPLIED);
    expect(await ask(name, limits, ann[1])).toMatchObject({ kind: 'wait' });
    slotOf(await ask(name, limits, bob));
  });

  test('a run that ends and a session that is deleted wait no more', async () => {
    const name = provider();
    const limits = providerLimits({ concurrency: 1 });
    slotOf(await ask(name, limits));
    const one = await started(db());
    await ask(name, limits, one);
    const end = { status: 'cancelled', reason: 'cancelled' } as const;
    await commitRunEnd(db(), one.key, { runId: one.runId, end, partial: null, failSession: false });
    expect(await waits(one.key)).toMatchObject([{ ended: true }]);
    const two = await started(db());
    await ask(name, limits, two);
    await deleteSession(db(), two.key);
    expect(await waits(two.key)).toEqual([]);
    expect((await readProviders(db())).find((known) => known.provider === name)).toMatchObject({ waiting: 0 });
  });
});
