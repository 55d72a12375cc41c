import { z } from 'zod';
import type { TextSoFar } from '../live/live-channel.ts';

/** A part of the text of an attempt, in UTF-16 code units from the beginning of its kind. */
export interface TextPart {
  readonly kind: 'text' | 'reasoning';
  readonly offset: number;
  readonly delta: string;
}

/** Whose text a record is. */
export type TextPosition = Pick<TextSoFar, 'runId' | 'step' | 'attempt'>;

const headSchema = z.strictObject({
  v: z.literal(1),
  id: z.string().min(1),
  runId: z.string().min(1),
  step: z.number().int().positive(),
  attempt: z.number().int().positive(),
});
const partSchema = z.tuple([z.string(), z.enum(['t', 'r']), z.number().int().nonnegative(), z.string()]);

/**
 * The first line of a record: lines of JSON, to which the parts of a text are appended. A record that lost its beginning, because Redis
 * evicted it, does not begin with this line, so it is recognised.
 */
export function recordHead(id: string, { runId, step, attempt }: TextPosition): string {
  return `${JSON.stringify({ v: 1, id, runId, step, attempt })}\n`;
}

/** `id`: that of the head, since a worker that was replaced may still append to the record of its successor. */
export function recordLine(id: string, { kind, offset, delta }: TextPart): string {
  return `${JSON.stringify([id, kind === 'text' ? 't' : 'r', offset, delta])}\n`;
}

/** Parses a record. Null unless it is complete from its beginning. */
export function parseRecord(record: string): TextSoFar | null {
  const [first = '', ...lines] = record.split('\n');
  // A record ends with a line end; what follows it was cut off.
  if (lines.pop() !== '') return null;
  try {
    const { id, runId, step, attempt } = headSchema.parse(JSON.parse(first));
    const joined = { text: '', reasoning: '' };
    for (const line of lines) {
      const [ofRecord, letter, offset, delta] = partSchema.parse(JSON.parse(line));
      if (ofRecord !== id) continue;
      const kind = letter === 't' ? 'text' : 'reasoning';
      if (offset !== joined[kind].length) return null;
      joined[kind] += delta;
    }
    return { runId, step, attempt, ...joined };
  } catch {
    return null;
  }
}
