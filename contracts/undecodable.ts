const MARK = 'perdure/undecodable';

/** Stands for a payload that could not be decoded. `reason` never holds a part of it. */
export function undecodable(reason: string): { readonly [MARK]: string } {
  return { [MARK]: reason };
}

/** Whether a value is such a marker, also after it travelled as JSON. */
export function isUndecodable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && MARK in value;
}
