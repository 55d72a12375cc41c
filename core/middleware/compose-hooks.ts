/** A hook around a call: it may change what it is given, call `next` any number of times, or return a result in its stead. */
export type Hook<Given, Result> = (given: Given, next: (given: Given) => Promise<Result>) => Promise<Result>;

/** Composes hooks around a call. The first one is the outermost: it gets the call first and its result last. */
export function composeHooks<Given, Result>(
  hooks: readonly Hook<Given, Result>[],
  call: (given: Given) => Promise<Result>,
): (given: Given) => Promise<Result> {
  return hooks.reduceRight<(given: Given) => Promise<Result>>((next, hook) => (given) => hook(given, next), call);
}
