import { setTimeout as delay } from 'node:timers/promises';
import { ERRORS, PerdureError } from '../../contracts/errors.ts';

const MAX_PAUSE_MS = 5_000;
/** A connection that lasted longer was a good one. */
const STABLE_MS = 5_000;

export interface ReconnectOptions {
  /** How long a gateway that went away is tried again. Default 300,000. */
  readonly reconnectForMs?: number | undefined;
  /** Told once when the connection is lost, and once when it is back. */
  readonly onConnection?: ((state: 'lost' | 'back') => void) | undefined;
}

/** When to connect again: counts the tries since the connection was last up for a while. */
export interface Reconnect {
  readonly connected: () => void;
  /** Something new was read: the connection is a good one. */
  readonly progressed: () => void;
  /** The pause that the server asks for, from which it doubles. */
  readonly setPauseMs: (pauseMs: number) => void;
  /** Waits before the next try; throws when there is to be none. `error` is undefined after a clean end. */
  readonly pause: (error?: unknown) => Promise<void>;
}

export function createReconnect(options: ReconnectOptions, signal: AbortSignal): Reconnect {
  const { reconnectForMs = 300_000, onConnection } = options;
  let basePauseMs = 250;
  let everConnected = false;
  let connectedAt: number | null = null;
  let tries = 0;
  let lostAt = 0;

  function markLost(): void {
    const now = Date.now();
    // A gateway that accepts and hangs up again must not be hammered.
    if (connectedAt !== null && now - connectedAt > STABLE_MS) tries = 0;
    if (tries === 0) lostAt = now;
    if (connectedAt !== null) onConnection?.('lost');
    connectedAt = null;
  }

  return {
    connected() {
      if (everConnected) onConnection?.('back');
      everConnected = true;
      connectedAt = Date.now();
    },
    progressed() {
      tries = 0;
    },
    setPauseMs(pauseMs) {
      basePauseMs = pauseMs;
    },
    async pause(error) {
      signal.throwIfAborted();
      if (error !== undefined && (!everConnected || isFinal(error))) throw error;
      markLost();
      if (tries > 0 && Date.now() - lostAt > reconnectForMs) {
        throw error ?? new Error('The gateway ends every event stream at once.');
      }
      const asked = error instanceof PerdureError ? error.retryAfterMs : undefined;
      // The first try is quick: a gateway that restarts is back soon. Jitter keeps many readers apart.
      const backoffMs =
        tries === 0
          ? Math.random() * Math.min(basePauseMs, 100)
          : basePauseMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
      tries += 1;
      await sleep(Math.min(asked ?? backoffMs, MAX_PAUSE_MS), signal);
    },
  };
}

/** Rejects with the signal's own reason. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** A refusal that trying again would not change. */
function isFinal(error: unknown): boolean {
  return error instanceof PerdureError && ERRORS[error.code].httpStatus < 500 && !ERRORS[error.code].retryable;
}
