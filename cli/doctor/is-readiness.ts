import type { GatewayReadiness } from '../../client/http/gateway-client.ts';

/** Whether a response is the readiness of a gateway: another server may listen on its port. */
export function isReadiness(response: Partial<GatewayReadiness>): response is GatewayReadiness {
  return (response.status === 'ready' || response.status === 'unavailable') && typeof response.checks === 'object';
}
