import { z } from 'zod';

/** What a deployment sets for one provider of models. What is not set is not limited. */
export const providerSettingsSchema = z.strictObject({
  /** Calls going at one time, over all workers. */
  concurrency: z.number().int().min(1).max(10_000).optional(),
  /** Calls begun in any minute, over all workers. */
  requestsPerMinute: z.number().int().min(1).max(1_000_000).optional(),
  /** Tokens, in and out, of the calls of a minute, over all workers. */
  tokensPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
  circuit: z
    .strictObject({
      /** Failures in a row that open the circuit. Default 5. */
      failures: z.number().int().min(1).max(1_000).optional(),
      /** How long it is open before one call is tried. Default 60,000 ms. */
      openMs: z.number().int().min(100).max(3_600_000).optional(),
    })
    .optional(),
});
export type ProviderSettings = z.infer<typeof providerSettingsSchema>;

/** Why a run waits for its provider: over a limit, an open circuit, or after a refusal for its rate. */
export const waitKindSchema = z.enum(['rate_limit', 'circuit', 'cool_down']);
export type WaitKind = z.infer<typeof waitKindSchema>;

export const circuitPhaseSchema = z.enum(['closed', 'open', 'half_open']);
export type CircuitPhase = z.infer<typeof circuitPhaseSchema>;

/** A provider as all workers see it. Times are ISO 8601 UTC. */
export const providerStatusSchema = z.object({
  provider: z.string(),
  circuit: z.object({
    state: circuitPhaseSchema,
    /** Failures in a row. */
    failures: z.number().int(),
    /** When it was opened; null while it is closed. */
    since: z.string().nullable(),
    /** When a call is tried next; null unless it is open. */
    until: z.string().nullable(),
  }),
  /** Nobody calls the provider until then; null when it is not cooling down. */
  coolDownUntil: z.string().nullable(),
  /** Calls that hold a place now; counted where a limit is set. */
  inFlight: z.number().int(),
  /** Runs that wait for this provider, of all users. */
  waiting: z.number().int(),
  /** As this gateway's deployment file sets them; null is not limited. */
  limits: z.object({
    concurrency: z.number().int().nullable(),
    requestsPerMinute: z.number().int().nullable(),
    tokensPerMinute: z.number().int().nullable(),
  }),
});
export type ProviderStatus = z.infer<typeof providerStatusSchema>;

/** Whether its calls have to wait now, or fail. */
export function isUnhealthy({ circuit, coolDownUntil }: ProviderStatus): boolean {
  return circuit.state !== 'closed' || coolDownUntil !== null;
}
