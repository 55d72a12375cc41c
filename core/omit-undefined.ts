type WithoutUndefined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The settings that are set: what is spread after others replaces only those. */
export function omitUndefined<T extends object>(options: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as WithoutUndefined<T>;
}
