import type { Json } from '../../contracts/json.ts';

/** Shorter values occur in texts by chance. */
const MIN_CHARACTERS = 6;
const REDACTED = '[redacted]';

/** Returns a function that replaces the secrets in every text of a JSON value. Keys of objects are left as they are. */
export function secretRedactor(secrets: Iterable<string>): <Value>(value: Value) => Value {
  const found = [...new Set(secrets)].filter((secret) => secret.length >= MIN_CHARACTERS);
  // A secret may contain another one.
  const longestFirst = found.toSorted((one, other) => other.length - one.length);
  if (longestFirst.length === 0) return (value) => value;
  const redact = (value: Json): Json => {
    if (typeof value === 'string')
      return longestFirst.reduce((text, secret) => text.replaceAll(secret, REDACTED), value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(redact);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, redact(one)]));
  };
  return <Value>(value: Value): Value => redact(value as Json) as Value;
}
