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

/** Number of steps in the details. */
export const STEPS_SHOWN = 8;

/** Renders a session as Markdown for the Temporal UI. Without personal data and content, because Temporal does not encrypt details. */
export function sessionDetails(session: {
  readonly status: SessionStatus;
  readonly agent: string | null;
  readonly currentRun: string | null;
  readonly queued: number;
  readonly runsEnded: number;
  readonly steps: readonly StepDigest[];
}): string {
  const lines = [
    `**${session.status}** · agent \`${session.agent ?? 'not chosen yet'}\` · ${session.runsEnded} runs ended · ${session.queued} waiting`,
    '',
    session.currentRun ? `Running: \`${session.currentRun}\`` : 'Waiting for a message.',
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
