/** Yields each item with the result of `work`, in their order, with at most `concurrency` calls ahead of the consumer. */
export async function* inOrder<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const started: (readonly [T, Promise<R>])[] = [];
  let next = 0;
  for (;;) {
    while (started.length < concurrency && next < items.length) {
      const item = items[next] as T;
      const result = work(item);
      // Reported when its turn comes.
      result.catch(() => {});
      started.push([item, result]);
      next += 1;
    }
    const first = started.shift();
    if (first === undefined) return;
    yield [first[0], await first[1]];
  }
}
