/** A check that takes longer fails. */
const CHECK_TIMEOUT_MS = 2_000;

/** The body of `/readyz`. */
export interface ReadinessReport<C extends string> {
  readonly status: 'ready' | 'unavailable';
  readonly checks: Readonly<Record<C, boolean>>;
}

/** Runs all checks concurrently. */
export async function readinessOf<C extends string>(
  parts: Readonly<Record<C, () => Promise<boolean>>>,
): Promise<ReadinessReport<C>> {
  const entries = Object.entries<() => Promise<boolean>>(parts);
  const results = await Promise.all(entries.map(async ([name, check]) => [name, await inTime(check)] as const));
  const checks = Object.fromEntries(results) as Record<C, boolean>;
  return { status: results.every(([, ready]) => ready) ? 'ready' : 'unavailable', checks };
}

async function inTime(check: () => Promise<boolean>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), CHECK_TIMEOUT_MS);
  check().then(resolve, () => resolve(false));
  return promise.finally(() => clearTimeout(timer));
}
