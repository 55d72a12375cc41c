/** A part that has not answered by then is not ready. */
const PATIENCE_MS = 2_000;

/** What `/readyz` says: `checks` is true for each part that answers. */
export interface Readiness<C extends string> {
  readonly status: 'ready' | 'unavailable';
  readonly checks: Readonly<Record<C, boolean>>;
}

/** Asks every part, all at once. */
export async function readinessOf<C extends string>(
  parts: Readonly<Record<C, () => Promise<boolean>>>,
): Promise<Readiness<C>> {
  const asked = Object.entries<() => Promise<boolean>>(parts);
  const answers = await Promise.all(asked.map(async ([name, ask]) => [name, await inTime(ask)] as const));
  const checks = Object.fromEntries(answers) as Record<C, boolean>;
  return { status: answers.every(([, ready]) => ready) ? 'ready' : 'unavailable', checks };
}

async function inTime(ask: () => Promise<boolean>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), PATIENCE_MS);
  ask().then(resolve, () => resolve(false));
  return promise.finally(() => clearTimeout(timer));
}
