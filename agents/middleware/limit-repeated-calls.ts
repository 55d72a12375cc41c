import { z } from 'zod';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import { ToolError } from '../define-tool.ts';
import { defineMiddleware } from './define-middleware.ts';

/**
 * Limits how often a run may call a tool with the same arguments. A call past the limit fails, without an execution of the tool, and the model
 * gets the reason as its result. Calls are counted in the store, so that it holds across workers.
 */
export const limitRepeatedCalls = defineMiddleware({
  name: 'limitRepeatedCalls',
  optionsSchema: z.strictObject({
    /** How often a tool may be called with the same arguments in one run. */
    limit: z.number().int().min(1).max(1_000).default(3),
    /** The tools that are limited. Default: all. */
    tools: z.array(z.string().min(1).max(64)).min(1).optional(),
  }),
  tool: async ({ tool, arguments: args, callId, calls, options: { limit, tools } }, next) => {
    if (tools !== undefined && !tools.includes(tool)) return await next();
    const all = await calls();
    const before = all.slice(
      0,
      all.findIndex((call) => call.callId === callId),
    );
    const same = canonicalJson(args);
    const count = before.filter((call) => call.tool === tool && canonicalJson(call.arguments) === same).length;
    if (count < limit) return await next();
    const times = count === 1 ? 'once' : `${count} times`;
    throw new ToolError(
      `The tool ${JSON.stringify(tool)} was called ${times} with these arguments in this run, and the limit is ${limit}. Use the earlier results, call it with other arguments, or answer without it.`,
    );
  },
});
