/** Why TLS with Redis fails. `found` completes a sentence about the server. */
export interface TlsProblem {
  readonly found: string;
  readonly remedy: string;
}

/** Explains an error code of Node's TLS. Null for another code. */
export function tlsProblemOf(code: string): TlsProblem | null {
  if (/SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code)) {
    return {
      found: `has a certificate of an authority that is not trusted (${code})`,
      remedy: 'Start the process with NODE_EXTRA_CA_CERTS set to the file of the authority’s certificate.',
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      found: `has a certificate for another host name (${code})`,
      remedy: 'Set REDIS_URL to a host name in the certificate.',
    };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return { found: `has a certificate that has expired (${code})`, remedy: 'Renew the certificate of the server.' };
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO/.test(code)) {
    return {
      found: `does not speak TLS (${code})`,
      remedy: 'Set REDIS_URL to redis:// without TLS, or correct its port.',
    };
  }
  return null;
}

/** The code of an error of the system or of TLS, otherwise the error's class: those of the Redis client have no name of their own. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'connection lost';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.constructor.name;
}
