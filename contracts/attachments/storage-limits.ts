import { z } from 'zod';
import { LIMITS } from '../limits.ts';

/** Limits of attachments: part of `limits:` in the deployment file. */
export const storageLimitsSchema = z.strictObject({
  /** Maximum size of an attachment, in bytes; at most 32 MiB, what one message may refer to. Default 25 MiB. */
  attachmentBytes: z.number().int().min(1).max(LIMITS.messageAttachmentBytes.value).optional(),
  /** Maximum size of all attachments of a user, in bytes. Default 1 GiB. */
  attachmentBytesPerUser: z.number().int().min(1).max(1e15).optional(),
});

/** Limits of attachments with all defaults applied. */
export type StorageLimits = { readonly [Name in keyof z.output<typeof storageLimitsSchema>]-?: number };

/** Applies the defaults to the limits of a deployment. */
export function storageLimits(given: z.output<typeof storageLimitsSchema> = {}): StorageLimits {
  return {
    attachmentBytes: given.attachmentBytes ?? LIMITS.attachmentBytes.value,
    attachmentBytesPerUser: given.attachmentBytesPerUser ?? LIMITS.attachmentBytesPerUser.value,
  };
}
