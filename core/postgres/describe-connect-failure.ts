/** Why a connection to PostgreSQL failed. `found` completes a sentence about the server. */
export interface ConnectFailure {
  readonly found: string;
  readonly remedy: string;
  /** Whether the server may accept the same connection a few seconds later, without a change of settings. Default false. */
  readonly mayPass?: true;
}

const CREDENTIALS = new Set(['28P01', '28000', '28P02']);

/** Describes an error of the driver by its code only: its message may contain the URL with its password. */
export function describeConnectFailure(error: unknown): ConnectFailure {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === '3D000') {
    return {
      found: 'has no such database (3D000)',
      remedy: 'Create the database, or correct its name in DATABASE_URL.',
    };
  }
  if (code !== undefined && CREDENTIALS.has(code)) {
    return {
      found: `rejects the user or the password (${code})`,
      remedy: 'Correct user and password in DATABASE_URL, or the access rules of the server (pg_hba.conf).',
    };
  }
  if (code !== undefined && isTlsCode(code)) {
    return {
      found: `has a TLS certificate that cannot be verified (${code})`,
      remedy:
        'Add sslrootcert=/path/ca.pem to DATABASE_URL, or correct its host name. sslmode=no-verify encrypts without verifying.',
    };
  }
  if (error instanceof Error && /does not support SSL/i.test(error.message)) {
    return {
      found: 'does not support TLS',
      remedy: 'Turn TLS on at the server, or set sslmode=disable in DATABASE_URL.',
    };
  }
  if (code === '25006') {
    return {
      found: 'is read-only (25006)',
      remedy: 'Connect to the primary server, and check default_transaction_read_only of the database and the role.',
    };
  }
  if (code === '57P03') {
    return {
      found: 'is starting, stopping or recovering (57P03)',
      remedy: 'Wait until it accepts connections; its log shows how far it is.',
      mayPass: true,
    };
  }
  if (code === '53300') {
    return {
      found: 'has no free connection (53300)',
      remedy: 'Raise max_connections of the server, or start fewer processes.',
      mayPass: true,
    };
  }
  return {
    found: `is not reachable (${code ?? 'connection lost'})`,
    remedy: 'Check that it is running, and the host and port in DATABASE_URL.',
    mayPass: true,
  };
}

/** Codes of Node and OpenSSL for certificates. */
function isTlsCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|^ERR_(?:TLS|SSL)|HOSTNAME_MISMATCH/.test(code);
}
