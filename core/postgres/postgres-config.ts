import type { ClientConfig } from 'pg';
import { parse, toClientConfig } from 'pg-connection-string';
import { PerdureError } from '../../contracts/errors.ts';

const EXAMPLE = 'postgres://user:password@host:5432/database';

/**
 * Parses the URL of a PostgreSQL database (`DATABASE_URL`), including `sslmode` and `sslrootcert`.
 * @throws {PerdureError} `invalid_request`, whose message does not contain the URL, because the URL contains a password.
 */
export function postgresConfig(databaseUrl: string): ClientConfig {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(databaseUrl)?.[1];
  const isUrl = scheme !== undefined && ['postgres', 'postgresql', 'socket'].includes(scheme.toLowerCase());
  if (!isUrl && !databaseUrl.startsWith('/')) {
    const begins = scheme === undefined ? 'has no scheme' : `begins with "${scheme}:"`;
    throw invalid(`DATABASE_URL ${begins}. Perdure stores in PostgreSQL: set it to ${EXAMPLE}.`);
  }
  try {
    const parsed = parse(databaseUrl);
    return toClientConfig({ ...parsed, database: databaseOf(databaseUrl, parsed.database) });
  } catch (error) {
    if (isFileError(error)) {
      throw invalid(`DATABASE_URL names a certificate or key that cannot be read (${error.code}: ${error.path}).`);
    }
    throw invalid(
      `DATABASE_URL is not a valid URL. Set it to ${EXAMPLE}, and percent-encode special characters of user, password and database ("#" is %23, "@" is %40).`,
    );
  }
}

/** The parser leaves `%23` and the other escapes of reserved characters in the name. */
function databaseOf(databaseUrl: string, parsed: string | null | undefined): string | null | undefined {
  if (!/^postgres(?:ql)?:/i.test(databaseUrl) || typeof parsed !== 'string') return parsed;
  return decodeURIComponent(parsed.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
}

function isFileError(error: unknown): error is Error & { readonly code: string; readonly path: string } {
  return error instanceof Error && 'code' in error && 'path' in error && typeof error.path === 'string';
}

function invalid(message: string): PerdureError {
  return new PerdureError('invalid_request', message);
}
