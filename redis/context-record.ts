import { createHash } from 'node:crypto';
import { z } from 'zod';
import { eventSchema, type PerdureEvent } from '../contracts/events/event.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { ContextCopy } from '../core/conversation/conversation-copy.ts';

/** A record of another version is ignored. */
const VERSION = 1;

const seqSchema = z.number().int().nonnegative();
const eventsSchema = z.array(eventSchema);
const ofType = <T extends PerdureEvent['type']>(type: T) =>
  eventSchema.refine((event): event is Extract<PerdureEvent, { type: T }> => event.type === type);

const recordSchema = z.strictObject({
  v: z.literal(VERSION),
  user: z.string(),
  session: z.string(),
  createdAt: z.string().min(1),
  throughAt: z.string().min(1),
  conversation: z.strictObject({
    from: seqSchema.nullable(),
    throughSeq: seqSchema,
    background: z
      .strictObject({
        summary: ofType('context.summarized').nullable(),
        pinned: z.array(ofType('message.received')),
        decisions: z.array(ofType('input.decided')),
      })
      .nullable(),
    runs: z.array(
      z.strictObject({
        runId: z.string().min(1),
        startedSeq: seqSchema.nullable(),
        complete: z.boolean(),
        events: eventsSchema,
      }),
    ),
  }),
});

/** A copy of a session's context as text, with a checksum. */
export function contextRecord({ user, session }: SessionKey, copy: ContextCopy): string {
  const { createdAt, throughAt, conversation } = copy;
  const body = JSON.stringify({ v: VERSION, user, session, createdAt, throughAt, conversation });
  return `${checksumOf(body)}\n${body}`;
}

/** Parses a record strictly. Null if it is damaged, of another session, of another version, or has events that this version does not know. */
export function parseContextRecord({ user, session }: SessionKey, record: string): ContextCopy | null {
  const end = record.indexOf('\n');
  const body = record.slice(end + 1);
  if (end < 0 || record.slice(0, end) !== checksumOf(body)) return null;
  try {
    const read: unknown = JSON.parse(body);
    const { success, data } = recordSchema.safeParse(read);
    if (!success || data.user !== user || data.session !== session) return null;
    const { runs } = data.conversation;
    if (!runs.every(({ events }) => areInOrder(events, session))) return null;
    // As it was written: the schema leaves out the fields of newer versions.
    const { createdAt, throughAt, conversation } = read as ContextCopy;
    return { createdAt, throughAt, conversation };
  } catch {
    return null;
  }
}

function areInOrder(events: readonly PerdureEvent[], session: string): boolean {
  return events.every(({ seq, sessionId }, index) => sessionId === session && seq > (events[index - 1]?.seq ?? 0));
}

function checksumOf(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 32);
}
