import { z } from 'zod';
import { LIMITS } from '../limits.ts';

/** Limits of exports and imports: part of `limits:` in the deployment file. */
export const documentLimitsSchema = z.strictObject({
  /** Maximum size of a document to import, in bytes. Default 16 MiB. */
  importBytes: z.number().int().min(1_024).max(LIMITS.exportBytes.value).optional(),
  /** Maximum number of imports and exports of one user at once, at each gateway. Default 1. */
  documentsPerUser: z.number().int().min(1).max(100).optional(),
  /** Maximum number of imports and exports of all users at once, at each gateway. Default 4. */
  documents: z.number().int().min(1).max(100).optional(),
});

/** Limits of exports and imports with all defaults applied. */
export interface DocumentLimits {
  readonly importBytes: number;
  readonly perUser: number;
  readonly total: number;
}

/** Applies the defaults to the limits of a deployment. */
export function documentLimits(given: z.infer<typeof documentLimitsSchema> = {}): DocumentLimits {
  return {
    importBytes: given.importBytes ?? LIMITS.importBytes.value,
    perUser: given.documentsPerUser ?? 1,
    total: given.documents ?? 4,
  };
}
