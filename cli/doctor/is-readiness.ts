import type { GatewayReadiness } from '../../client/http/gateway-client.ts';

/** Whether that is what a gateway says: anything may listen at its port. */
export function isReadiness(answer: Partial<GatewayReadiness>): answer is GatewayReadiness {
  return (answer.status === 'ready' || answer.status === 'unavailable') && typeof answer.checks === 'object';
}
