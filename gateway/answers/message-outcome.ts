import { z } from 'zod';
import { endsRun } from '../../contracts/session/event.ts';
import { isErrorCode, PerdureError } from '../../contracts/errors.ts';
import { receiptSchema } from '../../contracts/session/message.ts';
import { runRecordSchema, usageSchema } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';
import { readMessage } from '../../store/read/read-message.ts';
import type { Frame } from '../feed/frame.ts';
import type { Reader } from '../feed/reader.ts';

/** The receipt of a message, and its run so far. */
export const messageOutcomeSchema = z.object({
  receipt: receiptSchema,
  /** The run's final text; null until it completed. */
  answer: z.string().nullable(),
  usage: usageSchema.nullable(),
  run: runRecordSchema.nullable(),
});
export type MessageOutcome = z.infer<typeof messageOutcomeSchema>;

/** The outcome of a message; null when the session has no such message. */
export async function readOutcome(db: Db, key: SessionKey, messageId: string): Promise<MessageOutcome | null> {
  const found = await readMessage(db, key, messageId);
  if (found === null) return null;
  const { receipt, run } = found;
  return { receipt, answer: run?.output ?? null, usage: run?.usage ?? null, run };
}

export function hasEnded(outcome: MessageOutcome | null): outcome is MessageOutcome {
  const status = outcome?.run?.status;
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/**
 * Waits for the end of the run that answers a message. `reader` must start before the message. Resolves with null when
 * the reader is closed first. Throws the error when the message is refused.
 */
export async function waitForOutcome(
  db: Db,
  key: SessionKey,
  messageId: string,
  reader: Reader,
): Promise<MessageOutcome | null> {
  for (;;) {
    const frames = await reader.next();
    if (frames === null) return null;
    throwRefusal(frames, messageId);
    // The run that answers may change after the receipt, so the store is read at each end of a run.
    if (!frames.some(({ event }) => event !== null && endsRun(event.type))) continue;
    const outcome = await readOutcome(db, key, messageId);
    if (hasEnded(outcome)) return outcome;
  }
}

function throwRefusal(frames: readonly Frame[], messageId: string): void {
  for (const { event } of frames) {
    if (event?.type !== 'message.refused' || event.messageId !== messageId) continue;
    throw new PerdureError(isErrorCode(event.code) ? event.code : 'invalid_request', event.detail);
  }
}
