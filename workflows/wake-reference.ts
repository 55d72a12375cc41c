import type { SessionStatus } from '../contracts/session/session.ts';
import type { WakeReference } from '../contracts/session/wake-reference.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The statuses of a session for which a message can be admitted, or that it can have by the time of the signal. */
const STATUSES: readonly unknown[] = ['active', 'completed', 'failed', 'expired', 'archived'] satisfies SessionStatus[];

/** The JSON of the signal `runAdmitted`; null for anything else, since any client can send any JSON. By hand, because zod must stay out of the workflow bundle. */
export function wakeReference(input: unknown): WakeReference | null {
  if (!isObject(input)) return null;
  const { session, run, interrupts, wasIdle, after, epoch } = input;
  const ok =
    isSession(session) &&
    (run === null || isRun(run)) &&
    (interrupts === null || isText(interrupts)) &&
    typeof wasIdle === 'boolean' &&
    (after === undefined || isText(after)) &&
    (epoch === undefined || isCount(epoch));
  return ok ? { session, run, interrupts, wasIdle, after, epoch } : null;
}

function isSession(value: unknown): value is WakeReference['session'] {
  if (!isObject(value)) return false;
  const { status, agent, dueInMs } = value;
  return STATUSES.includes(status) && isText(agent) && (dueInMs === undefined || isCount(dueInMs));
}

function isRun(value: unknown): value is NonNullable<WakeReference['run']> {
  return isObject(value) && isText(value['runId']) && isCount(value['ordinal']) && typeof value['urgent'] === 'boolean';
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 500;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
