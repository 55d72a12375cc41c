import type { ProviderSettings } from '../../contracts/provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { hasRateLimits, providerLimits, type ProviderLimits } from '../../core/providers/provider-limits.ts';
import { isHealthy, type ProviderOutcome } from '../../core/providers/provider-state.ts';
import { PROVIDERS_KEY, type LiveChannel } from '../../live/live-channel.ts';
import { acquireSlot, type SlotRequest, type SlotResult } from '../../store/admin/providers/acquire-slot.ts';
import { readProviders } from '../../store/admin/providers/read-providers.ts';
import { releaseSlot } from '../../store/admin/providers/release-slot.ts';
import { renewSlots } from '../../store/admin/providers/renew-slots.ts';
import type { Db } from '../../store/db/db.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

/** The interval of renewals: a quarter of a slot's lifetime. */
const RENEW_MS = 2_500;
/** The intervals of polling the store for lost notifications, while a provider is unhealthy and otherwise. */
const POLL_UNHEALTHY_MS = 1_000;
const POLL_MS = 10_000;

const UNUSED: ProviderOutcome = { health: 'unused', replied: false, tokens: null };

export interface ProviderLimiterOptions {
  readonly db: Db;
  readonly live: LiveChannel;
  /** The deployment's settings, by provider. */
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly metrics: Pick<Metrics, 'providerWaits' | 'providerWaitSeconds'>;
}

/** The permission to make one call. Settle it when the call has ended; disposal settles it as unused. */
export interface Permit extends AsyncDisposable {
  /** Reports how the call ended. Only the first report counts. Never rejects: an unreleased slot expires. */
  settle(outcome: ProviderOutcome): Promise<void>;
}

export type AcquireResult =
  | { readonly kind: 'granted'; readonly permit: Permit }
  | Exclude<SlotResult, { kind: 'granted' }>;

/**
 * Limits a worker's calls to its providers. Calls to a healthy provider without limits need this object only; for the
 * others, the store decides over all workers.
 */
export class ProviderLimiter {
  readonly #options: ProviderLimiterOptions;
  readonly #limits = new Map<string, ProviderLimits>();
  /** As last read from the store or returned by it. */
  readonly #unhealthy = new Set<string>();
  /** The slots to renew. */
  readonly #slots = new Set<string>();
  readonly #settling = new Set<Promise<void>>();
  readonly #renewal: NodeJS.Timeout;
  #polling: Promise<void> | null = null;
  #nextPoll: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ProviderLimiterOptions) {
    this.#options = options;
    this.#renewal = setInterval(() => void this.#renew(), RENEW_MS).unref();
  }

  /** Subscribes to changes by other workers, and reads the state of every provider. */
  async start(): Promise<void> {
    const subscription = await this.#options.live.subscribe(PROVIDERS_KEY, () => void this.#poll());
    this.#unsubscribe = () => subscription.close();
    await this.#poll();
  }

  #unsubscribe: () => void = () => {};

  /** Whether calls to the provider need no slot. */
  isOpen(provider: string): boolean {
    return !this.#unhealthy.has(provider) && !hasRateLimits(this.#limitsOf(provider));
  }

  /** A permit for a call that needs no slot. */
  permit(provider: string): Permit {
    return this.#permitOf(provider, null);
  }

  /** Requests a slot for a call of a run. `maxWaitMs`: the longest total wait. */
  async acquire(
    provider: string,
    key: SessionKey,
    request: Pick<SlotRequest, 'runId' | 'maxWaitMs' | 'mayPass' | 'otherwiseAtMs'>,
  ): Promise<AcquireResult> {
    const limits = this.#limitsOf(provider);
    const random = Math.random();
    const result = await acquireSlot(this.#options.db, key, { ...request, provider, limits, random });
    this.#setHealth(provider, result.healthy);
    const { metrics } = this.#options;
    if (result.kind !== 'granted') {
      if (result.isNew) metrics.providerWaits.add({ provider, kind: result.why });
      return result;
    }
    if (result.waitedMs > 0) metrics.providerWaitSeconds.record({ provider }, result.waitedMs / 1_000);
    if (result.slotId !== null) this.#slots.add(result.slotId);
    return { kind: 'granted', permit: this.#permitOf(provider, result.slotId) };
  }

  /** Stops polling and renewing, and waits until pending releases have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#renewal);
    clearTimeout(this.#nextPoll);
    this.#unsubscribe();
    await Promise.all([this.#polling, ...this.#settling]);
  }

  #limitsOf(provider: string): ProviderLimits {
    const limits = this.#limits.get(provider) ?? providerLimits(this.#options.providers[provider]);
    this.#limits.set(provider, limits);
    return limits;
  }

  #permitOf(provider: string, slotId: string | null): Permit {
    let settled = false;
    const settle = async (outcome: ProviderOutcome): Promise<void> => {
      if (settled) return;
      settled = true;
      const changesNothing = outcome.health === 'unused' || outcome.health === 'unknown' || outcome.replied;
      if (slotId === null && changesNothing && !this.#unhealthy.has(provider)) return;
      const settling = this.#release(provider, slotId, outcome);
      this.#settling.add(settling);
      await settling;
      this.#settling.delete(settling);
    };
    return { settle, [Symbol.asyncDispose]: () => settle(UNUSED) };
  }

  async #release(provider: string, slotId: string | null, outcome: ProviderOutcome): Promise<void> {
    if (slotId !== null) this.#slots.delete(slotId);
    try {
      const call = { provider, limits: this.#limitsOf(provider), slotId, outcome };
      const { wasHealthy, healthy } = await releaseSlot(this.#options.db, call);
      this.#setHealth(provider, healthy);
      if (wasHealthy !== healthy) this.#options.live.publish(PROVIDERS_KEY, { kind: 'providers' });
    } catch {
      // The store is unavailable: the run fails at its own commit, and the slot expires.
    }
  }

  #setHealth(provider: string, healthy: boolean): void {
    if (healthy) this.#unhealthy.delete(provider);
    else this.#unhealthy.add(provider);
  }

  async #renew(): Promise<void> {
    if (this.#slots.size > 0) await renewSlots(this.#options.db, [...this.#slots]).catch(() => {});
  }

  /** Reads the state of all providers. Polls run one after another, so each sees the change that it was notified of. */
  async #poll(): Promise<void> {
    if (this.#stopped) return;
    const previous = this.#polling;
    const polling = (async () => {
      await previous;
      const providers = await readProviders(this.#options.db).catch(() => []);
      for (const { provider, state } of providers) this.#setHealth(provider, isHealthy(state));
    })();
    this.#polling = polling;
    await polling;
    clearTimeout(this.#nextPoll);
    const delayMs = this.#unhealthy.size > 0 ? POLL_UNHEALTHY_MS : POLL_MS;
    if (!this.#stopped) this.#nextPoll = setTimeout(() => void this.#poll(), delayMs).unref();
  }
}
