import { z } from 'zod';
import { agentSpecSchema, retryPolicySchema } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageOf, route, type Route } from '../http/route.ts';

const agentVersionSchema = z.object({
  hash: z.string(),
  spec: agentSpecSchema,
  tools: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      parameters: z.record(z.string(), z.unknown()),
      idempotent: z.boolean(),
      timeoutMs: z.number().int(),
      retry: retryPolicySchema,
    }),
  ),
});

/** Agents. */
export function agentRoutes({ agents }: GatewayDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/agents',
      summary: 'List the agents',
      responses: { 200: { description: 'All agents', schema: pageOf(agentSpecSchema) } },
      handle: async () => Response.json({ data: agents.list(), nextCursor: null }),
    }),
    route({
      method: 'get',
      path: '/v1/agents/{name}',
      summary: 'Get an agent: the version that new runs use',
      responses: { 200: { description: 'The agent and its tools', schema: agentVersionSchema } },
      async handle({ param }) {
        const agent = agents.agent(param('name'));
        if (agent !== undefined) return Response.json(agent);
        const known = agents.list().map(({ name }) => name);
        throw new PerdureError(
          'not_found',
          `There is no agent ${JSON.stringify(param('name').slice(0, 80))}. Available agents: ${known.join(', ') || 'none'}.`,
        );
      },
    }),
  ];
}
