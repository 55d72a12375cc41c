import { Context } from '@temporalio/activity';

/** Sends heartbeats until disposed: Temporal detects a lost worker by their absence, and delivers a cancel with them. */
export function heartbeat(everyMs: number): Disposable {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
