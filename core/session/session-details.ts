import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';

/** A step, reduced to what the Temporal UI shows. */
export interface StepDigest {
  readonly runId: string;
  readonly step: number;
  readonly model: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly durationMs: number;
  readonly tools: readonly string[];
}

/** The end of a run, reduced to what the Temporal UI shows. */
export interface RunDigest {
  readonly runId: string;
  readonly status: RunStatus;
  /** The error code of a failed run, or why a run was cancelled; null for another end, and when it is not known. */
  readonly code: string | null;
}

/** Number of steps in the details. */
export const STEPS_SHOWN = 8;

/** Renders a session as Markdown for the Temporal UI. Without personal data and content, because Temporal does not encrypt details. */
export function sessionDetails(session: {
  readonly status: SessionStatus;
  readonly agent: string | null;
  readonly currentRun: string | null;
  readonly queued: number;
  readonly runsEnded: number;
  /** The run that ended last. Default: not known. */
  readonly lastRun?: RunDigest | null | undefined;
  /** When the next deadline or reminder of a tool call that waits is due; null while no call waits for an answer. Default: null. */
  readonly waitsUntil?: string | null;
  readonly steps: readonly StepDigest[];
}): string {
  const lines = [
    `**${session.status}** · agent \`${session.agent ?? 'not chosen yet'}\` · ${session.runsEnded} runs ended · ${session.queued} waiting`,
    '',
    activityOf(session),
    ...(session.lastRun ? ['', `Ended last: ${outcomeOf(session.lastRun)}`] : []),
  ];
  if (session.steps.length > 0) {
    lines.push('', '| run | step | model | tokens in / out | time | tools |', '|---|---|---|---|---|---|');
    // Newest first, because the UI shows the first lines.
    for (const step of session.steps.toReversed()) {
      const tokens = `${step.inputTokens ?? 'unknown'} / ${step.outputTokens ?? 'unknown'}`;
      lines.push(
        `| \`${step.runId.slice(-8)}\` | ${step.step} | ${step.model} | ${tokens} | ${step.durationMs} ms | ${step.tools.join(', ')} |`,
      );
    }
  }
  return lines.join('\n');
}

function activityOf({
  currentRun,
  waitsUntil = null,
}: {
  readonly currentRun: string | null;
  readonly waitsUntil?: string | null;
}): string {
  if (currentRun) return `Running: \`${currentRun}\``;
  if (waitsUntil === null) return 'Waiting for a message.';
  return `Waiting for an answer to a tool call: an approval, or a client's result. Next deadline or reminder: ${waitsUntil}`;
}

/** A code is one word. Whatever else an error's type may be is left out, since it may be content. */
function outcomeOf({ runId, status, code }: RunDigest): string {
  const why = code !== null && /^[\w.-]{1,64}$/.test(code) ? ` (\`${code}\`)` : '';
  return `\`${runId}\` **${status}**${why}`;
}
