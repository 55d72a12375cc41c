import { setTimeout as delay } from 'node:timers/promises';
import { MESSAGE, type StreamedAnswer } from '../messages.ts';
import { gatewaySession } from './gateway-session.ts';

export interface InterruptedInput {
  readonly url: string;
  readonly session: string;
  readonly answer: StreamedAnswer;
  /** Mark `begun` after so many deltas. */
  readonly deltas: number;
}

/** Sends a message and marks `begun` in the middle of its answer. Resolves when the stream ends or breaks. */
export async function beginAnswer(input: InterruptedInput, mark: (name: string) => void): Promise<void> {
  const { url, session, answer, deltas } = input;
  let seen = 0;
  const onFrames = (types: readonly string[]) => {
    const before = seen;
    seen += types.filter((type) => type === 'message.delta').length;
    if (before < deltas && seen >= deltas) mark('begun');
  };
  try {
    await gatewaySession(url, session).stream(MESSAGE.stream(answer), onFrames);
  } catch (error) {
    // The server is killed after the mark.
    if (seen < deltas) throw error;
  }
}

const RETRY_MS = 20;

/** Reads the session's events, connecting again until it can. Marks `continued` at the first delta of another attempt than the first one; resolves when the run has completed. */
export async function awaitContinuation(
  { url, session }: Pick<InterruptedInput, 'url' | 'session'>,
  mark: (name: string) => void,
): Promise<void> {
  const talk = gatewaySession(url, session);
  const completed = Promise.withResolvers<void>();
  const closing = new AbortController();
  let isContinued = false;
  const onFrames = (types: readonly string[], frames: string) => {
    if (!isContinued && hasLaterDelta(frames)) {
      isContinued = true;
      mark('continued');
    }
    if (types.includes('run.completed')) completed.resolve();
    if (types.includes('run.failed')) completed.reject(new Error('The interrupted run failed.'));
  };
  for (;;) {
    try {
      await talk.events(onFrames, closing.signal);
      break;
    } catch {
      await delay(RETRY_MS);
    }
  }
  await completed.promise;
  closing.abort();
}

/** Whether the frames have a delta that is not of the first attempt. */
function hasLaterDelta(frames: string): boolean {
  return frames.split('\n\n').some((frame) => /^event: message\.delta$/m.test(frame) && !/"attempt":1\b/.test(frame));
}
