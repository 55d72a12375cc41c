/** Redis has not replied in time. */
export class RedisTimeout extends Error {
  override readonly name = 'RedisTimeout';

  constructor(ms: number) {
    super(`Redis did not reply within ${ms} ms.`);
  }
}

/**
 * Resolves or rejects as `work` does; rejects with {@link RedisTimeout} after `ms`. A reply that has arrived counts, although this
 * process was too busy to read it: sockets are read once more before the time-out.
 */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(() => reject(new RedisTimeout(ms)));
  }, ms);
  timer.unref();
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    clearImmediate(immediate);
  }
}
