const MARK = 'perdure/undecodable';

/** Returns a marker that replaces a payload that could not be decoded. `reason` must not contain any part of the payload. */
export function undecodable(reason: string): { readonly [MARK]: string } {
  return { [MARK]: reason };
}

/** Whether a value is such a marker, including after a round trip through JSON. */
export function isUndecodable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && MARK in value;
}
