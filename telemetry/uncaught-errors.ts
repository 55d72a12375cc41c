import { AsyncLocalStorage } from 'node:async_hooks';

/** Node's events for errors that no code caught. */
export type UncaughtOrigin = 'unhandledRejection' | 'uncaughtException';

/** Handles an error that did not come from attributed code. */
export type OtherErrorHandler = (error: unknown, origin: UncaughtOrigin) => void;

const reporters = new AsyncLocalStorage<(error: unknown) => void>();
/** One for each call of `catchUncaughtErrors` that is in force. */
const others = new Set<{ readonly handle: OtherErrorHandler }>();

/**
 * Executes `work` and attributes errors to it: what it or anything that it has started (a promise, a timer, a socket) leaves
 * uncaught is passed to `report`, even after `work` has returned. Has an effect only while {@link catchUncaughtErrors} is in force.
 */
export function attributeErrors<T>(report: (error: unknown) => void, work: () => T): T {
  return reporters.run(report, work);
}

/**
 * Keeps this process alive when attributed code leaves an error uncaught, and passes all other uncaught errors to `onOther`.
 * While it is in force, Node itself no longer ends the process. Dispose of the result to end it.
 */
export function catchUncaughtErrors(onOther: OtherErrorHandler): Disposable {
  const entry = { handle: onOther };
  if (others.size === 0) process.on('unhandledRejection', onRejection).on('uncaughtException', onException);
  others.add(entry);
  return {
    [Symbol.dispose]: () => {
      others.delete(entry);
      if (others.size === 0) process.off('unhandledRejection', onRejection).off('uncaughtException', onException);
    },
  };
}

/** What Node does by default: the process ends with an error, unless the program has listeners of its own. */
export function endAsNodeDoes(error: unknown, origin: UncaughtOrigin): void {
  if (process.listenerCount(origin) > 1) return;
  // Thrown in a listener of rejections, an error becomes an uncaught exception.
  if (origin === 'unhandledRejection') throw error;
  console.error(error);
  process.exit(1);
}

function onRejection(error: unknown): void {
  handle(error, 'unhandledRejection');
}

function onException(error: unknown): void {
  handle(error, 'uncaughtException');
}

// Node executes these listeners in the asynchronous context in which the error arose.
function handle(error: unknown, origin: UncaughtOrigin): void {
  const report = reporters.getStore();
  if (report === undefined) for (const other of others) other.handle(error, origin);
  else report(error);
}
