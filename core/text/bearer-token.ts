/**
 * The token of an `Authorization` header: the scheme, spaces and one token (RFC 6750). The token may have every printable
 * character but the space, more than the RFC's syntax, because configured tokens do. Null for any other header.
 */
export function bearerToken(authorization: string | null | undefined): string | null {
  return /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1] ?? null;
}
