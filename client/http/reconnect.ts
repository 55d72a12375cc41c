import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { sleep } from './sleep.ts';

const MAX_PAUSE_MS = 5_000;
/** A connection that lasted longer resets the back-off. */
const STABLE_MS = 5_000;

export interface ReconnectOptions {
  /** How long to try to reconnect after the connection is lost, in ms. Default 300,000. */
  readonly reconnectForMs?: number | undefined;
  /** Called once when the connection is lost, and once when it is restored. */
  readonly onConnection?: ((state: 'lost' | 'back') => void) | undefined;
}

/** Decides when to connect again, by the number of attempts since the last stable connection. */
export interface Reconnect {
  readonly connected: () => void;
  /** Call when a new event was read: resets the back-off. */
  readonly progressed: () => void;
  /** Sets the base of the exponential back-off, as the server requests it. */
  readonly setPauseMs: (pauseMs: number) => void;
  /** Waits before the next attempt; throws when there must be none. `error` is undefined when the stream ended cleanly. */
  readonly pause: (error?: unknown) => Promise<void>;
}

export function createReconnect(options: ReconnectOptions, signal: AbortSignal): Reconnect {
  const { reconnectForMs = 300_000, onConnection } = options;
  let basePauseMs = 250;
  let everConnected = false;
  let connectedAt: number | null = null;
  let attempts = 0;
  let lostAt = 0;

  function markLost(): void {
    const now = Date.now();
    // A gateway that accepts connections and closes them at once still gets the full back-off.
    if (connectedAt !== null && now - connectedAt > STABLE_MS) attempts = 0;
    if (attempts === 0) lostAt = now;
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
      attempts = 0;
    },
    setPauseMs(pauseMs) {
      basePauseMs = pauseMs;
    },
    async pause(error) {
      signal.throwIfAborted();
      if (error !== undefined && (!everConnected || isFinal(error))) throw error;
      markLost();
      if (attempts > 0 && Date.now() - lostAt > reconnectForMs) {
        throw error ?? new Error('The gateway closes every event stream at once. Check its log.');
      }
      const requestedMs = error instanceof PerdureError ? error.retryAfterMs : undefined;
      // The first attempt is quick, for a gateway that restarts. Jitter spreads the readers.
      const backoffMs =
        attempts === 0
          ? Math.random() * Math.min(basePauseMs, 100)
          : basePauseMs * 2 ** (attempts - 1) * (0.5 + Math.random() / 2);
      attempts += 1;
      await sleep(Math.min(requestedMs ?? backoffMs, MAX_PAUSE_MS), signal);
    },
  };
}

/** Whether another attempt would get the same error. */
function isFinal(error: unknown): boolean {
  return error instanceof PerdureError && ERRORS[error.code].httpStatus < 500 && !ERRORS[error.code].retryable;
}
