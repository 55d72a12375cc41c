/** The time from a request to the stub provider until its reply begins, in ms. */
export const MODEL_CALL_MS = 20;

/** Messages to which the stub provider replies in a certain way. */
export const MESSAGE = {
  /** One call: a short text. */
  plain: 'plain',
  /** Two calls with one quick, idempotent tool between them. */
  tool: 'tool',
  /** One call: a text of so many deltas, one every so many ms. */
  stream: ({ deltas, everyMs }: StreamedAnswer) => `stream ${deltas} ${everyMs}`,
} as const;

/** An answer that is streamed like a model writes. */
export interface StreamedAnswer {
  readonly deltas: number;
  readonly everyMs: number;
}

/** The time of the answer, from the request to its end. */
export function durationMs({ deltas, everyMs }: StreamedAnswer): number {
  return MODEL_CALL_MS + (deltas - 1) * everyMs;
}

/** The model's own time in a tool turn, in ms. */
export const TOOL_TURN_MODEL_MS = 2 * MODEL_CALL_MS;

/** The inverse of `MESSAGE.stream`; undefined for another message. */
export function streamedAnswerOf(message: string): StreamedAnswer | undefined {
  const [, deltas, everyMs] = /^stream (\d+) (\d+)$/.exec(message) ?? [];
  return deltas && everyMs ? { deltas: Number(deltas), everyMs: Number(everyMs) } : undefined;
}
