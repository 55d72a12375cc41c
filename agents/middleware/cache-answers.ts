import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { canonicalJson } from '../../contracts/canonical-json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { defineMiddleware } from './define-middleware.ts';
import type { MiddlewareReply } from './middleware.ts';

/** The answers of this process, by the hash of their requests. */
const answers = new LRUCache<string, MiddlewareReply>({
  maxSize: LIMITS.cachedAnswersBytes.value,
  sizeCalculation: ({ text, reasoning = '' }) => 500 + 2 * (text.length + reasoning.length),
});

/**
 * Answers a request that was answered before, by the same agent with the same model and exactly the same context, from memory. Only whole
 * answers are kept, no tool calls. Each worker has a cache of its own, which ends with it.
 */
export const cacheAnswers = defineMiddleware({
  name: 'cacheAnswers',
  optionsSchema: z.strictObject({
    /** How long an answer is kept, in ms. Default: one hour. */
    ttlMs: z
      .number()
      .int()
      .min(1)
      .max(30 * 24 * 3_600_000)
      .default(3_600_000),
    /** Who is given an answer: the user whose run it answered, or all users. */
    scope: z.enum(['user', 'all']).default('user'),
  }),
  model: async ({ session, agent, model, request, options: { ttlMs, scope } }, next) => {
    const owner = scope === 'user' ? session.user : null;
    const key = createHash('sha256').update(canonicalJson({ owner, agent, model, request })).digest('hex');
    const known = answers.get(key);
    if (known) return known;
    const reply = await next();
    const { text, reasoning, toolCalls, finish, model: answeredBy } = reply;
    if (toolCalls.length === 0 && finish === 'stop') {
      answers.set(key, { text, reasoning, finish, model: answeredBy }, { ttl: ttlMs });
    }
    return reply;
  },
});
