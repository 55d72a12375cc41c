import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';

/** What a script can tell from the exit code. Shown by `perdure --help`. */
export const EXIT = {
  ok: 0,
  /** Something went wrong: a run failed, no answer came in time, a check found a problem. */
  failed: 1,
  /** The command line was not understood. */
  usage: 2,
  /** Gateway, Temporal, store or model do not answer. */
  unreachable: 3,
  /** The request was understood and refused. */
  refused: 4,
  /** Stopped by Ctrl-C. */
  interrupted: 130,
} as const;

/** An error whose message says all that a user needs, with the exit code it leads to. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof GatewayUnreachableError) return EXIT.unreachable;
  if (!(error instanceof PerdureError)) return EXIT.failed;
  const { httpStatus } = ERRORS[error.code];
  if (httpStatus === 503) return EXIT.unreachable;
  return httpStatus < 500 ? EXIT.refused : EXIT.failed;
}
