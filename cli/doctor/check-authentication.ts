import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import type { AuthSettings } from '../../contracts/identity/auth-settings.ts';
import type { ApiKey } from '../../contracts/identity/api-key.ts';
import { readSettings, type Settings } from '../services/settings.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';

const check = 'Authentication';
const SOON_MS = 14 * 86_400_000;
const ISSUER_MS = 5_000;
const LOOPBACK = /^(?:localhost|127\.|::1$)/;

/** Checks that a public address has authentication, that the issuer of tokens responds, and that no API key expires soon. */
export async function checkAuthentication(deps: CommandDeps, env: NodeJS.ProcessEnv): Promise<Finding> {
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
  const unreachable = auth?.jwt === undefined ? null : await issuerProblem(auth.jwt);
  if (unreachable !== null) {
    const remedy =
      'Check auth.jwt in the deployment file, and the network. Tokens cannot be verified without the issuer.';
    return { check, state: 'problem', found: unreachable, remedy };
  }
  const accepted = [...(auth?.keys === false ? [] : ['API keys']), ...kinds].join(', ');
  const ending = await endingKeys(deps);
  if (ending.length === 0) return { check, state: 'ok', found: accepted, remedy: null };
  const found = `${accepted}; expire within 14 days: ${ending.map(({ id }) => id).join(', ')}`;
  return { check, state: 'note', found, remedy: 'Create others in time with: perdure keys create' };
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

async function issuerProblem({ issuer, jwksUrl }: NonNullable<AuthSettings['jwt']>): Promise<string | null> {
  const url = jwksUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ISSUER_MS) });
    await response.body?.cancel();
    return response.status === 200 ? null : `${url} responds with the status ${response.status}`;
  } catch {
    return `${url} does not respond`;
  }
}

/** Empty as well where the gateway does not respond, or the caller may not list keys. */
async function endingKeys({ client }: CommandDeps): Promise<ApiKey[]> {
  try {
    const { data } = await client.keys({ limit: 200 });
    return data.filter(({ expiresAt }) => expiresAt !== null && Date.parse(expiresAt) < Date.now() + SOON_MS);
  } catch {
    return [];
  }
}
