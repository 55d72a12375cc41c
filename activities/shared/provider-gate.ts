import type { ProviderSettings } from '../../contracts/provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { isLimited, providerLimits, type ProviderLimits } from '../../core/providers/provider-limits.ts';
import { isSound, type CallEnd } from '../../core/providers/provider-state.ts';
import { PROVIDERS_KEY, type LiveChannel } from '../../live/live-channel.ts';
import { askForPlace, type PlaceAnswer } from '../../store/admin/providers/ask-for-place.ts';
import { keepPlaces } from '../../store/admin/providers/keep-places.ts';
import { readProviders } from '../../store/admin/providers/read-providers.ts';
import { settleCall } from '../../store/admin/providers/settle-call.ts';
import type { Db } from '../../store/db/db.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

/** Places are kept four times as often as needed. */
const KEEP_MS = 2_500;
/** How often a worker looks at the store for what the live channel's bell may have missed, in trouble and otherwise. */
const LOOK_IN_TROUBLE_MS = 1_000;
const LOOK_MS = 10_000;

const UNUSED: CallEnd = { health: 'unused', replied: false, tokens: null };

export interface ProviderGateOptions {
  readonly db: Db;
  readonly live: LiveChannel;
  /** Of the deployment, by provider. */
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  readonly metrics: Pick<Metrics, 'providerWaits' | 'providerWaitSeconds'>;
}

/** Leave for one call. */
export interface Pass {
  /** Says how the call ended; what is said first counts. Never rejects: a place that is not given back expires. */
  settle(end: CallEnd): Promise<void>;
  /** If nothing was said: the call was never made. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type Asked = { readonly kind: 'granted'; readonly pass: Pass } | Exclude<PlaceAnswer, { kind: 'granted' }>;

/**
 * Between a worker's calls and their providers. While a provider has no limits and is well, calls go by a look at this
 * object alone; otherwise each asks the store, where the limits and circuits of all workers are.
 */
export class ProviderGate {
  readonly #options: ProviderGateOptions;
  readonly #limits = new Map<string, ProviderLimits>();
  /** Those that were not well when last heard of. */
  readonly #troubled = new Set<string>();
  readonly #places = new Set<string>();
  readonly #settling = new Set<Promise<void>>();
  readonly #keeping: NodeJS.Timeout;
  #looking: Promise<void> | null = null;
  #lookAgain: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ProviderGateOptions) {
    this.#options = options;
    this.#keeping = setInterval(() => void this.#keep(), KEEP_MS).unref();
  }

  /** Hears from other workers from now on, and knows how every provider is. */
  async start(): Promise<void> {
    const subscription = await this.#options.live.subscribe(PROVIDERS_KEY, () => void this.#look());
    this.#unsubscribe = () => subscription.close();
    await this.#look();
  }

  #unsubscribe: () => void = () => {};

  /** Whether a call may go without asking. */
  isOpen(provider: string): boolean {
    return !this.#troubled.has(provider) && !isLimited(this.#limitsOf(provider));
  }

  /** For a call that may go without asking. */
  pass(provider: string): Pass {
    return this.#passOf(provider, null);
  }

  /** Asks whether a call of a run may go now; `maxWaitMs` is how long it may wait in all. */
  async ask(
    provider: string,
    key: SessionKey,
    { runId, maxWaitMs }: { readonly runId: string; readonly maxWaitMs: number },
  ): Promise<Asked> {
    const limits = this.#limitsOf(provider);
    const random = Math.random();
    const answer = await askForPlace(this.#options.db, key, { provider, limits, runId, maxWaitMs, random });
    this.#note(provider, answer.sound);
    const { metrics } = this.#options;
    if (answer.kind !== 'granted') {
      if (answer.isNew) metrics.providerWaits.add({ provider, kind: answer.why });
      return answer;
    }
    if (answer.waitedMs > 0) metrics.providerWaitSeconds.record({ provider }, answer.waitedMs / 1_000);
    if (answer.placeId !== null) this.#places.add(answer.placeId);
    return { kind: 'granted', pass: this.#passOf(provider, answer.placeId) };
  }

  /** Resolves when every place is given back that will be. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#keeping);
    clearTimeout(this.#lookAgain);
    this.#unsubscribe();
    await Promise.all([this.#looking, ...this.#settling]);
  }

  #limitsOf(provider: string): ProviderLimits {
    const known = this.#limits.get(provider) ?? providerLimits(this.#options.providers[provider]);
    this.#limits.set(provider, known);
    return known;
  }

  #passOf(provider: string, placeId: string | null): Pass {
    let settled = false;
    const settle = async (end: CallEnd): Promise<void> => {
      if (settled) return;
      settled = true;
      const tellsNothing = end.health === 'unused' || end.health === 'unknown' || end.replied;
      if (placeId === null && tellsNothing && !this.#troubled.has(provider)) return;
      const settling = this.#settle(provider, placeId, end);
      this.#settling.add(settling);
      await settling;
      this.#settling.delete(settling);
    };
    return { settle, [Symbol.asyncDispose]: () => settle(UNUSED) };
  }

  async #settle(provider: string, placeId: string | null, end: CallEnd): Promise<void> {
    if (placeId !== null) this.#places.delete(placeId);
    try {
      const call = { provider, limits: this.#limitsOf(provider), placeId, end };
      const { before, sound } = await settleCall(this.#options.db, call);
      this.#note(provider, sound);
      if (before !== sound) this.#options.live.publish(PROVIDERS_KEY, { kind: 'providers' });
    } catch {
      // The store is away: the run meets that by itself, and the place expires.
    }
  }

  #note(provider: string, sound: boolean): void {
    if (sound) this.#troubled.delete(provider);
    else this.#troubled.add(provider);
  }

  async #keep(): Promise<void> {
    if (this.#places.size > 0) await keepPlaces(this.#options.db, [...this.#places]).catch(() => {});
  }

  /** One look at a time; a bell that rings meanwhile is answered by the next. */
  async #look(): Promise<void> {
    if (this.#stopped) return;
    const before = this.#looking;
    const looking = (async () => {
      await before;
      const known = await readProviders(this.#options.db).catch(() => []);
      for (const { provider, state } of known) this.#note(provider, isSound(state));
    })();
    this.#looking = looking;
    await looking;
    clearTimeout(this.#lookAgain);
    const delayMs = this.#troubled.size > 0 ? LOOK_IN_TROUBLE_MS : LOOK_MS;
    if (!this.#stopped) this.#lookAgain = setTimeout(() => void this.#look(), delayMs).unref();
  }
}
