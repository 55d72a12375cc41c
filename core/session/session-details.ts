import type { SessionStatus } from '../../contracts/session/session.ts';

/** A step, as small as a line in the Temporal UI needs it. */
export interface StepDigest {
  readonly runId: string;
  readonly step: number;
  readonly model: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly durationMs: number;
  readonly tools: readonly string[];
}

/** How many steps the details show. */
export const STEPS_SHOWN = 8;

/** A session as Markdown for the Temporal UI: no personal data and no content, since details are not encrypted. */
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
    // Newest first: the UI shows the first lines and scrolls to the rest.
    for (const step of session.steps.toReversed()) {
      const tokens = `${step.inputTokens ?? 'unknown'} / ${step.outputTokens ?? 'unknown'}`;
      lines.push(
        `| \`${step.runId.slice(-8)}\` | ${step.step} | ${step.model} | ${tokens} | ${step.durationMs} ms | ${step.tools.join(', ')} |`,
      );
    }
  }
  return lines.join('\n');
}
