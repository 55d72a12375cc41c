import type { Readiness } from '../../client/http/gateway-client.ts';

/** Whether a response is the readiness of a gateway: another server may listen on its port. */
export function isReadiness(response: Partial<Readiness>): response is Readiness {
  return (response.status === 'ready' || response.status === 'unavailable') && typeof response.checks === 'object';
}
