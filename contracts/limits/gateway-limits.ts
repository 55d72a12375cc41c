import { z } from 'zod';

const count = z.number().int().min(1).max(1_000_000);

/** The share of one user at one gateway, and the longest wait: `limits:` in the deployment file, beside the limits of active sessions. */
export const gatewayLimitsSchema = z.strictObject({
  /** Event streams open at once. Default 1,000. */
  streamsPerUser: count.optional(),
  /** Requests at once that wait for an answer (`Prefer: wait`). Default 1,000. */
  waitsPerUser: count.optional(),
  /** Requests per second, averaged; a burst may be six times that. Operators named in `PERDURE_OPERATORS` are exempt. Default 200. */
  requestsPerSecondPerUser: count.optional(),
  /** Messages and commands in progress at once. Default 100. */
  updatesPerUser: count.optional(),
  /** Bytes of events read from the store for streams whose callers have not read them yet. Default 16 MiB. */
  streamBufferBytesPerUser: z.number().int().min(1).max(1e12).optional(),
  /** A stream whose caller has read nothing for this long, with events pending, is closed. Default 60,000. */
  stalledStreamMs: z.number().int().min(1).max(86_400_000).optional(),
  /** Requests per minute and address without a valid credential that are answered with their reason; further ones are 429. Default 600. */
  failedAuthenticationsPerMinute: count.optional(),
  /** A message is refused while its run is estimated to wait longer than this until it begins. 0: never. Default 30,000. */
  maxEstimatedWaitMs: z.number().int().min(0).max(3_600_000).optional(),
});

/** The limits with all defaults applied. */
export type GatewayLimits = { readonly [Name in keyof z.output<typeof gatewayLimitsSchema>]-?: number };

export function gatewayLimits(given: z.output<typeof gatewayLimitsSchema> = {}): GatewayLimits {
  return {
    streamsPerUser: given.streamsPerUser ?? 1_000,
    waitsPerUser: given.waitsPerUser ?? 1_000,
    requestsPerSecondPerUser: given.requestsPerSecondPerUser ?? 200,
    updatesPerUser: given.updatesPerUser ?? 100,
    streamBufferBytesPerUser: given.streamBufferBytesPerUser ?? 16 * 1024 * 1024,
    stalledStreamMs: given.stalledStreamMs ?? 60_000,
    failedAuthenticationsPerMinute: given.failedAuthenticationsPerMinute ?? 600,
    maxEstimatedWaitMs: given.maxEstimatedWaitMs ?? 30_000,
  };
}
