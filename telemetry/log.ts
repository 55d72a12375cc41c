import { pino, type DestinationStream } from 'pino';
import { allowedFields, type LogFields } from './log-fields.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
type Severity = Exclude<LogLevel, 'silent'>;

/** The message must be a string literal: the type rejects interpolated strings, which could contain content. */
type LogMethod = <const M extends string>(message: object extends Record<M, 1> ? never : M, fields?: LogFields) => void;

/** Writes log lines. Each carries the id of the active trace, if there is one. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** Writes a line of Temporal's SDK, with its message truncated. `fields` is called only if the level is enabled. */
  external(level: Severity, message: string, fields: () => LogFields): void;
}

export interface LogOptions {
  /** Default `warn`. */
  readonly level?: LogLevel;
  /** `json`: one object a line. `plain`: for terminals. Default `plain`. */
  readonly format?: 'json' | 'plain';
  /** Default: standard error. */
  readonly write?: (line: string) => void;
  readonly traceId?: () => string | undefined;
}

/** Writes to standard error synchronously, so that a killed process loses no lines. */
export function createLog({ level = 'warn', format = 'plain', write: sink, traceId }: LogOptions = {}): Log {
  const destination: DestinationStream = sink ? { write: sink } : pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: { process: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? destination : { write: (line) => destination.write(plainLine(line)) },
  );
  const write = (severity: Severity, message: string, fields: LogFields = {}) => {
    if (!logger.isLevelEnabled(severity)) return;
    const trace = traceId?.();
    logger[severity]({ ...(trace === undefined ? {} : { trace }), ...allowedFields(fields) }, message);
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    external: (severity, message, fields) => {
      if (logger.isLevelEnabled(severity)) write(severity, message.slice(0, 200), fields());
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
