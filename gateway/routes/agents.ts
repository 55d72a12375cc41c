import { z } from 'zod';
import { agentSpecSchema, retryPolicySchema } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { pageOf, route, type Route } from '../http/route.ts';

const agentVersionSchema = z.object({
  hash: z.string(),
  defaultModel: z.string().nullable(),
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

const defaultModel = z.string().nullable();

/** Agents. `model`: of agents that name none; null if the gateway does not have that setting. */
export function agentRoutes({ agents }: GatewayDeps, model: string | null): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/agents',
      access: 'read',
      summary: 'List the agents',
      responses: {
        200: {
          description:
            'All agents, and the model of those that name none; null where the gateway does not have that setting',
          schema: pageOf(agentSpecSchema).extend({ defaultModel }),
        },
      },
      handle: async () => Response.json({ data: agents.list(), nextCursor: null, defaultModel: model }),
    }),
    route({
      method: 'get',
      path: '/v1/agents/{name}',
      access: 'read',
      summary: 'Get an agent: the version that new runs use',
      responses: { 200: { description: 'The agent and its tools', schema: agentVersionSchema } },
      async handle({ param }) {
        const agent = agents.agent(param('name'));
        if (agent !== undefined) return Response.json({ ...agent, defaultModel: model });
        const known = agents.list().map(({ name }) => name);
        throw new PerdureError(
          'not_found',
          `There is no agent ${JSON.stringify(param('name').slice(0, 80))}. Available agents: ${known.join(', ') || 'none'}.`,
        );
      },
    }),
  ];
}
