import type { Deployment } from '../../contracts/deployment.ts';
import { choosePort } from '../../dev-server/ports.ts';
import { requiresAuthentication } from '../../core/identity/requires-authentication.ts';
import { httpUrl } from '../../core/text/http-url.ts';
import { decodesPayloads, type Settings } from './settings.ts';

/**
 * The URL at which the embedded Temporal UI, which has no credential, can decode payloads once the gateway listens: on the port that is set,
 * or on the next free one. Null if there is none, because the gateway decodes nothing, requires authentication, or listens on any port.
 */
export async function findUiCodecEndpoint(settings: Settings, { auth }: Deployment): Promise<string | null> {
  const { host, port, portChosen, tokens } = settings;
  if (!decodesPayloads(settings) || requiresAuthentication(tokens, auth) || port === 0) return null;
  const taken = portChosen ? port : (await choosePort(port, 'the gateway')).port;
  return `${httpUrl(host, taken)}/v1/codec`;
}
