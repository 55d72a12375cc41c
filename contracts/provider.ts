import { z } from 'zod';

/** Settings for one model provider in the deployment file. Default of each limit: none. */
export const providerSettingsSchema = z.strictObject({
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
