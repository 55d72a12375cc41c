import { pino, type DestinationStream } from 'pino';
import { allowedFields, type LogFields } from './log-fields.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
type Severity = Exclude<LogLevel, 'silent'>;

/** The message is written in the code: a text with something woven into it is no key of a record, and no message. */
type Say = <const M extends string>(message: object extends Record<M, 1> ? never : M, fields?: LogFields) => void;

/** Log lines. Each carries the trace that is going, if one is. */
export interface Log {
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  /** For the words of Temporal's SDK, which are not ours: shortened. `fields` is asked only where the line is written: most are not. */
  foreign(level: Severity, message: string, fields: () => LogFields): void;
}

export interface LogOptions {
  /** Default `warn`. */
  readonly level?: LogLevel;
  /** `json`: a line of JSON; `plain`: a line for people. Default `plain`. */
  readonly format?: 'json' | 'plain';
  /** Default: standard error. */
  readonly write?: (line: string) => void;
  readonly traceId?: () => string | undefined;
}

/** Lines go to standard error at once: a process that is killed has said what it knew. */
export function createLog({ level = 'warn', format = 'plain', write, traceId }: LogOptions = {}): Log {
  const destination: DestinationStream = write ? { write } : pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: { process: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? destination : { write: (line) => destination.write(plainLine(line)) },
  );
  const say = (severity: Severity, message: string, fields: LogFields = {}) => {
    if (!logger.isLevelEnabled(severity)) return;
    const trace = traceId?.();
    logger[severity]({ ...(trace === undefined ? {} : { trace }), ...allowedFields(fields) }, message);
  };
  return {
    debug: (message, fields) => say('debug', message, fields),
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
    foreign: (severity, message, fields) => {
      if (logger.isLevelEnabled(severity)) say(severity, message.slice(0, 200), fields());
    },
  };
}

function plainLine(line: string): string {
  const { level, time: _time, process: _process, msg, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const { name, code, message } = (error ?? {}) as Record<string, string | undefined>;
  const why = error === undefined ? '' : `: ${message ?? [name, code].filter(Boolean).join(' ')}`;
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${String(value)}`);
  return `  ${String(level)}: ${String(msg)}${why}${rest.length === 0 ? '' : ` (${rest.join(', ')})`}\n`;
}
