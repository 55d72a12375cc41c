import { ApplicationFailure } from '@temporalio/workflow';
import { isUndecodable, undecodableProblem } from '../contracts/undecodable.ts';

/*
 * The workflow acts on these two commands before it calls the store, so it validates their JSON itself. It does so by
 * hand, because zod must stay out of the workflow bundle. The checks accept what the schemas in
 * `contracts/session/commands.ts` accept.
 */

/** Returns the run id in the JSON of `cancelRun`; null for the current run. Throws `invalid_request`. */
export function checkCancelRun(request: unknown): string | null {
  const { runId, ...rest } = fieldsOf(request);
  const ok = isOptionalText(runId, 1, 100) && isEmpty(rest);
  if (!ok) throw invalid('A cancel is JSON such as {} or {"runId": "…"}.');
  return (runId as string | undefined) ?? null;
}

/** Throws `invalid_request` unless `request` is the JSON of `endSession`. */
export function checkEndSession(request: unknown): void {
  const { status, reason, ...rest } = fieldsOf(request);
  const ok =
    [undefined, 'completed', 'failed'].includes(status as string) && isOptionalText(reason, 0, 1_000) && isEmpty(rest);
  if (!ok) throw invalid('An end is JSON such as {} or {"status": "completed" or "failed", "reason": "…"}.');
}

function fieldsOf(request: unknown): Record<string, unknown> {
  if (request === undefined || request === null) return {};
  if (isUndecodable(request)) throw invalid(undecodableProblem(request));
  if (typeof request === 'object' && !Array.isArray(request)) return request as Record<string, unknown>;
  throw invalid('The payload is not a JSON object.');
}

function isOptionalText(value: unknown, min: number, max: number): boolean {
  return value === undefined || (typeof value === 'string' && value.length >= min && value.length <= max);
}

function isEmpty(rest: object): boolean {
  return Object.keys(rest).length === 0;
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'invalid_request');
}
