import type { Logger, LogLevel, LogMetadata } from '@temporalio/common';
import { sessionKeyOf } from '../contracts/session/session-key.ts';
import type { Log } from './log.ts';
import type { LogFields } from './log-fields.ts';

const SEVERITY = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/**
 * A logger for Temporal's SDK that writes to `log`. Of the SDK's attributes it keeps those that contain neither a user nor
 * content. `onLine` is called with each line as the SDK wrote it.
 */
export function sdkLogger(log: Log, onLine: (message: string, meta?: LogMetadata) => void = () => {}): Logger {
  const write = (level: LogLevel, message: string, meta: LogMetadata = {}) => {
    onLine(message, meta);
    log.external(isLoggedByActivity(meta) ? 'debug' : SEVERITY[level], message, () => sdkFields(meta));
  };
  return {
    log: write,
    trace: (message, meta) => write('TRACE', message, meta),
    debug: (message, meta) => write('DEBUG', message, meta),
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  };
}

/** Whether an activity of Perdure threw the failure on purpose. It has then logged it, with its run. */
function isLoggedByActivity({ error }: LogMetadata): boolean {
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

/** The session in a workflow id, which also contains the user. */
function sessionIn(workflowId: string | undefined): string | undefined {
  try {
    return workflowId === undefined ? undefined : sessionKeyOf(workflowId).session;
  } catch {
    return undefined;
  }
}
