import type { Logger, LogLevel, LogMetadata } from '@temporalio/common';
import { sessionKeyOf } from '../contracts/session/session-key.ts';
import type { Log } from './log.ts';
import type { LogFields } from './log-fields.ts';

const SEVERITY = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/**
 * What Temporal's SDK logs, as lines of ours: of its attributes those that we know to carry neither a user nor content.
 * `overhear` is told each line as it was.
 */
export function sdkLogger(log: Log, overhear: (message: string, meta?: LogMetadata) => void = () => {}): Logger {
  const say = (level: LogLevel, message: string, meta: LogMetadata = {}) => {
    overhear(message, meta);
    log.foreign(isToldByUs(meta) ? 'debug' : SEVERITY[level], message, () => sdkFields(meta));
  };
  return {
    log: say,
    trace: (message, meta) => say('TRACE', message, meta),
    debug: (message, meta) => say('DEBUG', message, meta),
    info: (message, meta) => say('INFO', message, meta),
    warn: (message, meta) => say('WARN', message, meta),
    error: (message, meta) => say('ERROR', message, meta),
  };
}

/** A try that failed as an activity of ours meant it to: the activity has told it, with its run. */
function isToldByUs({ error }: LogMetadata): boolean {
  return error instanceof Error && error.name === 'ApplicationFailure';
}

function sdkFields(meta: LogMetadata): LogFields {
  const text = (name: string) => (typeof meta[name] === 'string' ? meta[name] : undefined);
  const { attempt, durationMs } = meta as { attempt?: number; durationMs?: number };
  return {
    component: text('sdkComponent'),
    activity: text('activityType'),
    workflow: text('workflowType'),
    taskQueue: text('taskQueue'),
    session: sessionIn(text('workflowId')),
    attempt,
    durationMs,
    error: meta['error'],
  };
}

/** A workflow id names the user too, who is left out. */
function sessionIn(workflowId: string | undefined): string | undefined {
  try {
    return workflowId === undefined ? undefined : sessionKeyOf(workflowId).session;
  } catch {
    return undefined;
  }
}
