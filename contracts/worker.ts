import { z } from 'zod';

/** Response of `GET /v1/workers`: whether workers take messages. */
export const workersSchema = z.object({
  /** Number of workers that take work; null when Temporal is not reachable. */
  polling: z.number().int().nullable(),
  /** When a worker was last seen, within the last day; null when none was. ISO 8601 UTC. */
  lastSeenAt: z.string().nullable(),
});
export type Workers = z.infer<typeof workersSchema>;

/** The deployment of workers in Temporal, where `PERDURE_DEPLOYMENT` names no other. */
export const DEFAULT_DEPLOYMENT = 'perdure';
