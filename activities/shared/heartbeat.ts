import { Context } from '@temporalio/activity';

const INTERVAL_MS = 1_000;

/** Sends heartbeats until disposed: Temporal detects a lost worker by their absence, and delivers a cancel with them. */
export function heartbeat(): Disposable {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), INTERVAL_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
