/**
 * Returns a short, stable key for Temporal's task fairness, whose keys have at most 64 bytes: the 32-bit FNV-1a hash of
 * the user's UTF-16 code units, in hexadecimal. Users with the same key share one queue of tasks, and nothing else.
 * Source: draft-eastlake-fnv, the offset basis and prime for 32 bits.
 */
export function fairnessKey(user: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < user.length; index++) {
    hash = Math.imul(hash ^ user.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
