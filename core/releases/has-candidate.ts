/** A point from 0 to below 1 for a user in a release: FNV-1a with the finalizer of MurmurHash3, so that similar users are spread. */
function pointOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * Whether a user has the candidate of a release. The same user always has the same point, so a larger share adds users and
 * removes none. The salt differs between candidates, so that it is not always the same users who have the newest.
 */
export function hasCandidate(
  { salt, share }: { readonly salt: string; readonly share: number },
  user: string,
): boolean {
  return pointOf(`${salt}\0${user}`) < share;
}
