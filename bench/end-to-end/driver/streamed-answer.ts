import type { GatewaySession } from './gateway-session.ts';

/** Times of an answer that is read as a stream, since its message was sent, in ms. */
export interface AnswerTimes {
  readonly firstTokenMs: number;
  readonly completedMs: number;
}

/** Sends a message and reads its answer; `onArrival` is called at each arrival of text. Rejects when the run does not complete. */
export async function streamAnswer(
  talk: GatewaySession,
  content: string,
  onArrival: () => void = () => {},
  signal?: AbortSignal,
): Promise<AnswerTimes> {
  const began = performance.now();
  let firstTokenMs = Number.NaN;
  const last = await talk.stream(
    content,
    (types) => {
      if (!types.includes('message.delta')) return;
      if (Number.isNaN(firstTokenMs)) firstTokenMs = performance.now() - began;
      onArrival();
    },
    signal,
  );
  if (last !== 'run.completed' || Number.isNaN(firstTokenMs)) throw new Error(`An answer ended with ${last}.`);
  return { firstTokenMs, completedMs: performance.now() - began };
}
