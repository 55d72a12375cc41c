import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import type { AuthSettings } from '../../contracts/identity/auth-settings.ts';
import type { ApiKey } from '../../contracts/identity/api-key.ts';
import { probeIssuer } from '../../gateway/probe-issuer.ts';
import { readSettings, type Settings } from '../services/settings.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';

const check = 'Authentication';
const LATELY_MS = 14 * 86_400_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|::1)$/;

/** Checks that a public address has authentication, that the key set of the issuer of tokens can be fetched, and that no API key has expired lately or expires soon. */
export async function checkAuthentication(deps: Pick<CommandDeps, 'client'>, env: NodeJS.ProcessEnv): Promise<Finding> {
  const settings = await readAuth(env);
  // Another check reports invalid settings.
  if (settings === null) return { check, state: 'note', found: 'unknown without valid settings', remedy: null };
  const { host, tokens, auth } = settings;
  const kinds = [
    ...(tokens === undefined ? [] : ['tokens of PERDURE_TOKENS']),
    ...(auth?.jwt === undefined ? [] : [`tokens of ${auth.jwt.issuer}`]),
  ];
  const isOn = kinds.length > 0 || auth?.keys === true;
  if (!isOn && !LOOPBACK.test(host)) {
    const remedy = 'Set auth.keys or auth.jwt in the deployment file; see docs/identity.md.';
    return { check, state: 'problem', found: `none, and the gateway would listen on ${host}`, remedy };
  }
  if (!isOn) return { check, state: 'note', found: 'none: every local user may use the gateway', remedy: null };
  const unreachable = auth?.jwt === undefined ? null : await probeIssuer(auth.jwt);
  if (unreachable !== null) {
    const remedy =
      'Check auth.jwt in the deployment file, and the network. Tokens cannot be verified without the issuer.';
    return { check, state: 'problem', found: unreachable, remedy };
  }
  const accepted = [...(auth?.keys === false ? [] : ['API keys']), ...kinds].join(', ');
  const ending = await endingKeys(deps);
  if (ending.length === 0) return { check, state: 'ok', found: accepted, remedy: null };
  const expired = namesOf('have expired', ending.filter(hasExpired));
  const soon = namesOf(
    'expire within 14 days',
    ending.filter((key) => !hasExpired(key)),
  );
  const found = [accepted, ...expired, ...soon].join('; ');
  return { check, state: 'note', found, remedy: 'Create others with: perdure keys create' };
}

function hasExpired({ expiresAt }: ApiKey): boolean {
  return Date.parse(expiresAt ?? '') <= Date.now();
}

async function readAuth(
  env: NodeJS.ProcessEnv,
): Promise<(Pick<Settings, 'host' | 'tokens'> & { readonly auth: AuthSettings | undefined }) | null> {
  try {
    const { host, tokens, deploymentFile, deploymentChosen } = readSettings(env);
    const { auth } = await loadDeployment(deploymentFile, { chosen: deploymentChosen });
    return { host, tokens, auth };
  } catch {
    return null;
  }
}

function namesOf(what: string, keys: readonly ApiKey[]): string[] {
  if (keys.length === 0) return [];
  return [`${what}: ${keys.map(({ id, user }) => `${id} (${stripControl(user)})`).join(', ')}`];
}

/** Keys that expire soon, or have expired lately. Empty as well where the gateway does not respond, or the caller may not list keys. */
async function endingKeys({ client }: Pick<CommandDeps, 'client'>): Promise<ApiKey[]> {
  try {
    const { data } = await client.keys({ ended: true, limit: 200 });
    return data.filter(({ expiresAt, revokedAt }) => {
      const inMs = Date.parse(expiresAt ?? '') - Date.now();
      return revokedAt === null && Math.abs(inMs) < LATELY_MS;
    });
  } catch {
    return [];
  }
}
