import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';

/** Paths of a certificate and its key, in PEM format. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** An authority in a temporary folder, which signs certificates. */
export interface Authority extends CertificateFiles {
  /** `names`: for a server, such as `IP:127.0.0.1`. `days`: negative for one that has expired. */
  sign(name: string, options?: { readonly names?: string; readonly days?: number }): CertificateFiles;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Creates an authority with `openssl`. The end of the test removes its files. */
export async function createAuthority(): Promise<Authority> {
  const folder = await temporaryFolder();
  const filesOf = (name: string): CertificateFiles => ({
    cert: join(folder, `${name}.pem`),
    key: join(folder, `${name}.key`),
  });
  const authority = filesOf('authority');
  openssl('req', '-x509', ...NEW_KEY, '-keyout', authority.key, '-out', authority.cert, '-subj', '/CN=authority');
  return {
    ...authority,
    sign(name, { names, days = 30 } = {}) {
      const { cert, key } = filesOf(name);
      const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
      openssl('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
      writeFileSync(extensions, names === undefined ? 'basicConstraints=CA:FALSE\n' : `subjectAltName=${names}\n`);
      const signedBy = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', String(days)];
      openssl('x509', '-req', '-in', request, ...signedBy, '-extfile', extensions, '-out', cert);
      return { cert, key };
    },
  };
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
