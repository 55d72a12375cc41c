import type { TranscriptEntry } from '../../contracts/session/transcript.ts';

/** What a model is given as the result of a call of another run that waits for an answer. */
export const WAITING_NOTE = 'Waiting for approval or for its result. It has not been executed.';

/**
 * Adds a note for each tool call without a result: providers refuse a conversation with an unanswered call. Returns the same array if
 * there is none.
 */
export function answerOpenCalls(entries: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  const calls = entries.reduce((sum, entry) => sum + (entry.role === 'assistant' ? entry.toolCalls.length : 0), 0);
  const results = entries.reduce((sum, { role }) => sum + (role === 'tool' ? 1 : 0), 0);
  if (calls === results) return entries;
  const answered = new Set(entries.flatMap((entry) => (entry.role === 'tool' ? [idOf(entry)] : [])));
  return entries.flatMap((entry, at) => {
    // After the results of the same reply.
    const reply = repliedBefore(entries, at);
    const endsReply = reply !== null && entries[at + 1]?.role !== 'tool';
    return endsReply ? [entry, ...notesOf(reply, answered)] : [entry];
  });
}

type Reply = Extract<TranscriptEntry, { role: 'assistant' }>;

/** The reply that the entry at `at` is, or whose tool result it is. */
function repliedBefore(entries: readonly TranscriptEntry[], at: number): Reply | null {
  const entry = entries[at];
  if (entry?.role === 'user') return null;
  const reply = entries.slice(0, at + 1).findLast((one): one is Reply => one.role === 'assistant');
  return reply && reply.runId === entry?.runId && reply.step === entry.step ? reply : null;
}

function notesOf(reply: Reply, answered: ReadonlySet<string>): TranscriptEntry[] {
  const { runId, step } = reply;
  return reply.toolCalls.flatMap(({ callId, tool }): TranscriptEntry[] => {
    if (answered.has(idOf({ runId, step, callId }))) return [];
    return [{ role: 'tool', runId, step, callId, tool, status: 'waiting', content: WAITING_NOTE }];
  });
}

function idOf({
  runId,
  step,
  callId,
}: {
  readonly runId: string;
  readonly step: number;
  readonly callId: string;
}): string {
  return JSON.stringify([runId, step, callId]);
}
