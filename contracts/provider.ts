import { z } from 'zod';
import { environmentVariableSchema, headersSchema } from './environment-value.ts';

/** The name of a provider, the first part of `provider/model`. */
export const providerNameSchema = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must consist of letters, digits, ".", "_" and "-", at most 64');

/** What a model may accept beside text. */
const contentKindSchema = z.enum(['image', 'file']);
export type ContentKind = z.infer<typeof contentKindSchema>;

const addressFields = {
  /** URL of an OpenAI-compatible API, with its version. `{model}` stands for the name of the model. */
  baseUrl: z
    .string()
    .max(2_000)
    .refine((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''), 'must be an http or https URL')
    .refine((url) => !/[?#]/.test(url), 'must have no query; put it into `query`')
    .optional(),
  /** The environment variable that holds the API key. Default: no key is sent. */
  apiKeyEnv: environmentVariableSchema.optional(),
  /** Chat Completions or the Responses API. Default `chat`. */
  api: z.enum(['chat', 'responses']).optional(),
  /** With `api: responses`: whether the provider has the Conversations API, which agents with `history: service` then use. Default `false`: they use its stored responses. */
  conversations: z.boolean().optional(),
  /** Headers of every request. */
  headers: headersSchema.optional(),
  /** Query parameters of every request. */
  query: z.record(z.string().min(1).max(200), z.string().max(2_000)).optional(),
};

/**
 * Settings for one model provider in the deployment file. Default of each limit: none. With `baseUrl` the name is a provider
 * of its own; without it, the settings are limits of a built-in one.
 */
export const providerSettingsSchema = z
  .strictObject({
    ...addressFields,
    /**
     * What the models accept beside text; or that by the name of the model, with `*` for all others. Default: images and files
     * for `openai` and `openai-responses`, nothing for others.
     */
    accepts: z
      .union([
        z.array(contentKindSchema).max(2),
        z.record(z.string().min(1).max(200), z.array(contentKindSchema).max(2)),
      ])
      .optional(),
    /** Maximum number of concurrent calls, over all workers. */
    concurrency: z.number().int().min(1).max(10_000).optional(),
    /** Maximum number of calls started in any minute, over all workers. */
    requestsPerMinute: z.number().int().min(1).max(1_000_000).optional(),
    /** Maximum number of input and output tokens of the calls in any minute, over all workers. */
    tokensPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
    circuit: z
      .strictObject({
        /** Number of consecutive failures that open the circuit. Default 5. */
        failures: z.number().int().min(1).max(1_000).optional(),
        /** How long the circuit stays open before a trial call. Default 60,000 ms. */
        openMs: z.number().int().min(100).max(3_600_000).optional(),
      })
      .optional(),
  })
  .check(({ value, issues }) => {
    if (value.baseUrl !== undefined) return;
    for (const field of ['apiKeyEnv', 'api', 'conversations', 'headers', 'query'] as const) {
      if (value[field] === undefined) continue;
      const message = 'has no effect without baseUrl; add the URL of the provider, or remove this field';
      issues.push({ code: 'custom', message, path: [field], input: value });
    }
  });
export type ProviderSettings = z.infer<typeof providerSettingsSchema>;

/** Why a run waits for its provider. `rate_limit`: a limit of the deployment; `circuit`: the circuit is open; `cool_down`: the provider rejected a call for its rate. */
export const waitKindSchema = z.enum(['rate_limit', 'circuit', 'cool_down']);
export type WaitKind = z.infer<typeof waitKindSchema>;

/** State of a provider's circuit breaker. */
export const circuitPhaseSchema = z.enum(['closed', 'open', 'half_open']);
export type CircuitPhase = z.infer<typeof circuitPhaseSchema>;

/** State of a provider, shared by all workers. Times are ISO 8601 UTC. */
export const providerStatusSchema = z.object({
  provider: z.string(),
  circuit: z.object({
    state: circuitPhaseSchema,
    /** Number of consecutive failures. */
    failures: z.number().int(),
    /** When the circuit was opened; null while it is closed. */
    since: z.string().nullable(),
    /** When the next trial call is allowed; null unless the circuit is open. */
    until: z.string().nullable(),
  }),
  /** No calls are made until then; null when the provider is not cooling down. */
  coolDownUntil: z.string().nullable(),
  /** Number of calls in flight; counted only if a limit is set. */
  inFlight: z.number().int(),
  /** Number of runs, of all users, that wait for this provider. */
  waiting: z.number().int(),
  /** The limits in this gateway's deployment file; null is no limit. */
  limits: z.object({
    concurrency: z.number().int().nullable(),
    requestsPerMinute: z.number().int().nullable(),
    tokensPerMinute: z.number().int().nullable(),
  }),
});
export type ProviderStatus = z.infer<typeof providerStatusSchema>;

/** Whether the provider's circuit is not closed or it is cooling down, so that calls wait or fail. */
export function isUnhealthy({ circuit, coolDownUntil }: ProviderStatus): boolean {
  return circuit.state !== 'closed' || coolDownUntil !== null;
}
