import { parseAccept } from 'hono/utils/accept';

/** Whether the header `Accept` names this media type, with a quality above 0 (RFC 9110). Wildcards do not name it. */
export function accepts(headers: Headers, mediaType: string): boolean {
  const header = headers.get('accept');
  if (header === null) return false;
  return parseAccept(header).some(({ type, q }) => type.toLowerCase() === mediaType && q > 0);
}
