import { publishAppended } from '../../../live/publish-appended.ts';
import { endQuestion } from '../../../store/runs/questions/end-question.ts';
import { readQuestions, type RecordedQuestion } from '../../../store/runs/questions/read-questions.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { workerLeft } from '../../shared/worker-left.ts';
import type { ToolRun } from '../claimed-call.ts';

/** How often the answer is looked for besides notifications, which may be lost. */
const LOOK_MS = 2_000;

/** A question over an open call. */
export interface OpenQuestion {
  /** The call in which the server asks. */
  readonly program: string;
  /** The call of the question itself. */
  readonly callId: string;
  /** Aborted when nobody needs the answer any more. */
  readonly gone: AbortSignal;
}

/**
 * Waits until a question is answered or over, and returns it then. It expires at its time, and is withdrawn when it is `gone`. Throws the reason of
 * the run's signal: whoever ends the run withdraws the question.
 */
export async function untilAnswered(
  { db, live, commits }: Pick<ActivityDeps, 'db' | 'live' | 'commits'>,
  { key, runId, signal }: Pick<ToolRun, 'key' | 'runId' | 'signal'>,
  { program, callId, gone }: OpenQuestion,
): Promise<RecordedQuestion> {
  let look: (() => void) | null = null;
  const subscription = await live.subscribe(key, ({ kind }) => kind === 'appended' && look?.());
  const onAbort = (): void => look?.();
  signal.addEventListener('abort', onAbort);
  gone.addEventListener('abort', onAbort);
  try {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      look = resolve;
      const questions = await readQuestions(db, key, { runId, callId: program });
      const question = questions.find(({ call }) => call.call_id === callId);
      if (!question) throw workerLeft('The question is not there any more.');
      if (question.call.status !== 'waiting') return question;
      signal.throwIfAborted();
      const end = gone.aborted ? 'withdrawn' : question.expiresInMs <= 0 ? 'expired' : null;
      if (end !== null) {
        publishAppended({ live, commits }, key, await endQuestion(db, key, { runId, callId, end }));
        continue;
      }
      const timer = setTimeout(resolve, Math.min(LOOK_MS, Math.ceil(question.expiresInMs) + 1));
      await promise;
      clearTimeout(timer);
    }
  } finally {
    subscription.close();
    signal.removeEventListener('abort', onAbort);
    gone.removeEventListener('abort', onAbort);
  }
}
