import { z } from 'zod';

/** The body of a request that moves the contents of attachments of all users. */
export const attachmentMoveRequestSchema = z.strictObject({
  to: z.enum(['database', 'folder', 's3']),
  /** From the last response: goes on behind it. */
  cursor: z.string().max(2_000).optional(),
});
export type AttachmentMoveRequest = z.infer<typeof attachmentMoveRequestSchema>;

/** What one request has moved. */
export const attachmentMoveSchema = z.object({
  /** Attachments that were moved, and the bytes of their contents. */
  moved: z.number().int().min(0),
  bytes: z.number().min(0),
  /** Attachments behind the cursor that are in another place, and the bytes of their contents. */
  left: z.number().int().min(0),
  leftBytes: z.number().min(0),
  /** Attachments that stay where they are, and why. */
  failed: z.array(z.object({ id: z.string(), user: z.string(), reason: z.string() })),
  /** Null: all were tried. */
  cursor: z.string().nullable(),
});
export type AttachmentMove = z.infer<typeof attachmentMoveSchema>;
