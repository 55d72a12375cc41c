import { ApplicationFailure } from '@temporalio/workflow';
import { isUndecodable } from '../contracts/undecodable.ts';

/*
 * Two commands act before the store is asked, so their JSON is checked here, by hand: zod stays out of the workflow
 * bundle. What passes is what the schemas in `contracts/commands.ts` take.
 */

/** The run that the JSON of `cancelRun` names; null for the one that is going. Throws the failure that its sender is told. */
export function checkCancelRun(request: unknown): string | null {
  const { runId, ...rest } = fieldsOf(request);
  const ok = isOptionalText(runId, 1, 100) && isEmpty(rest);
  if (!ok) throw invalid('A cancel is JSON such as {} or {"runId": "…"}.');
  return (runId as string | undefined) ?? null;
}

/** Throws unless `request` is the JSON of `endSession`. */
export function checkEndSession(request: unknown): void {
  const { status, reason, ...rest } = fieldsOf(request);
  const ok =
    [undefined, 'completed', 'failed'].includes(status as string) && isOptionalText(reason, 0, 1_000) && isEmpty(rest);
  if (!ok) throw invalid('An end is JSON such as {} or {"status": "completed" or "failed", "reason": "…"}.');
}

function fieldsOf(request: unknown): Record<string, unknown> {
  if (request === undefined || request === null) return {};
  if (typeof request === 'object' && !Array.isArray(request) && !isUndecodable(request)) {
    return request as Record<string, unknown>;
  }
  throw invalid('The payload is no JSON object, or could not be decoded.');
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
