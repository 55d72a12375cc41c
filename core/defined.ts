type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The settings that are set: what is spread after others replaces only those. */
export function defined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
