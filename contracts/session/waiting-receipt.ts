import { z } from 'zod';
import { inboxItemSchema } from './inbox-item.ts';
import { receiptSchema } from './message.ts';

/** What the sender of a message that waits for its answer gets when the run waits for somebody: the receipt, and what is to be answered. */
export const receiptOfWaitingSchema = receiptSchema.extend({
  /** Absent when the time to wait is over. */
  status: z.literal('waiting').optional(),
  /** Approvals of the run that wait. */
  approvals: z.array(inboxItemSchema).optional(),
  /** Client calls of the run that wait. */
  clientCalls: z.array(inboxItemSchema).optional(),
});
export type ReceiptOfWaiting = z.infer<typeof receiptOfWaitingSchema>;
