import { Context } from '@temporalio/activity';

const INTERVAL_MS = 1_000;

/** Heartbeats from now until disposed, so that a lost worker is noticed within the heartbeat timeout, and a cancel is heard. */
export function heartbeat(): Disposable {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
