import { mergeReferences } from '../../admission/wake-reference.ts';
import type { TemporalSender } from '../../client/temporal/temporal-sender.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { WakeReference } from '../../contracts/session/wake-reference.ts';
import { UserRotation } from '../../core/load/user-rotation.ts';

/** Delays between two attempts: doubled from the first to the second. */
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 10_000;

/** Signals on their way at once, and those of one user. */
const AT_ONCE = { atOnce: 64, perUser: 48 };

/** References that are kept apart while others are on their way. */
const MAX_PENDING = 4;

type Kind = 'session' | 'run';

interface Pending {
  reference: WakeReference;
  /** Called after the first attempt. */
  readonly tried: (() => void)[];
}

interface Wake {
  readonly key: SessionKey;
  readonly kind: Kind;
  /** Not delivered yet, in the order of admission. */
  readonly pending: Pending[];
  /** Time after which a failure is not retried. */
  untilMs: number;
  failures: number;
  /** The timer of the next attempt, while there is one. */
  timer?: NodeJS.Timeout | undefined;
}

/**
 * Signals the workflows of sessions whose runs were admitted here. One signal of a session is on its way at a time; those that
 * follow meanwhile become one. Where signals wait for others, users take turns. A failed signal is repeated with back-off for `LIMITS.wakeMs`. What it cannot deliver, a
 * worker finds in the store (`worker/upkeep/restart-lost-workflows.ts`).
 */
export class SessionWaker {
  readonly #sender: Pick<TemporalSender, 'wake'>;
  readonly #limits: { readonly sessions: number; readonly forMs: number };
  /** By workflow, the oldest first. */
  readonly #wakes = new Map<string, Wake>();
  readonly #sending = new Set<Promise<void>>();
  readonly #rotation = new UserRotation(AT_ONCE);
  #isClosed = false;

  constructor(
    sender: Pick<TemporalSender, 'wake'>,
    limits: { readonly sessions: number; readonly forMs: number } = {
      sessions: LIMITS.wakes.value,
      forMs: LIMITS.wakeMs.value,
    },
  ) {
    this.#sender = sender;
    this.#limits = limits;
  }

  /** Signals the session's workflow. Resolves when Temporal has the signal or the first attempt has failed. Never rejects. */
  async wake(key: SessionKey, kind: Kind, reference: WakeReference): Promise<void> {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = `${kind} ${workflowIdOf(key)}`;
    const untilMs = Date.now() + this.#limits.forMs;
    const known = this.#wakes.get(id);
    if (known) {
      known.untilMs = untilMs;
      append(known.pending, { reference, tried: [resolve] });
    } else {
      const wake: Wake = { key, kind, pending: [{ reference, tried: [resolve] }], untilMs, failures: 0 };
      this.#wakes.set(id, wake);
      this.#dropOldest();
      this.#send(id, wake);
    }
    await promise;
  }

  /** Drops what is waiting for another attempt. Resolves when no signal is on its way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of this.#wakes.values()) drop(wake);
    await Promise.all(this.#sending);
    this.#wakes.clear();
  }

  #send(id: string, wake: Wake): void {
    wake.timer = undefined;
    const sending = this.#deliver(id, wake).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #deliver(id: string, wake: Wake): Promise<void> {
    do await this.#rotation.run(wake.key.user, () => this.#sendNext(wake));
    while (wake.failures === 0 && wake.pending.length > 0);
    if (wake.pending.length > 0 && this.#retryLater(id, wake)) return;
    drop(wake);
    if (this.#wakes.get(id) === wake) this.#wakes.delete(id);
  }

  /** Sends the oldest reference. There is none if the wake was dropped while it waited for its turn. */
  async #sendNext(wake: Wake): Promise<void> {
    const next = wake.pending.shift();
    if (!next) return;
    try {
      await this.#sender.wake(wake.key, wake.kind, next.reference);
      wake.failures = 0;
    } catch {
      wake.failures += 1;
      wake.pending.unshift({ reference: next.reference, tried: [] });
    }
    for (const resolve of next.tried) resolve();
  }

  /** Schedules another attempt, unless the wake was dropped or its time is over. */
  #retryLater(id: string, wake: Wake): boolean {
    if (this.#isClosed || this.#wakes.get(id) !== wake || Date.now() >= wake.untilMs) return false;
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (wake.failures - 1));
    wake.timer = setTimeout(() => this.#send(id, wake), delayMs);
    return true;
  }

  #dropOldest(): void {
    if (this.#wakes.size <= this.#limits.sessions) return;
    const [oldest] = this.#wakes;
    if (!oldest) return;
    this.#wakes.delete(oldest[0]);
    drop(oldest[1]);
  }
}

/** Adds a reference. One that interrupts a run stays apart: its run goes before those that are read from the store. */
function append(pending: Pending[], next: Pending): void {
  const last = pending.at(-1);
  const interrupts = (last?.reference.interrupts ?? next.reference.interrupts) !== null;
  if (!last || (interrupts && pending.length < MAX_PENDING)) {
    pending.push(next);
    return;
  }
  last.reference = mergeReferences(last.reference, next.reference);
  last.tried.push(...next.tried);
}

/** Ends the attempts of a wake that none is on its way for. */
function drop(wake: Wake): void {
  clearTimeout(wake.timer);
  for (const { tried } of wake.pending.splice(0)) for (const resolve of tried) resolve();
}
