import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { GatewayUnreachableError } from '../../client/http/gateway-unreachable-error.ts';

/** Exit codes, documented in `perdure --help`. */
export const EXIT = {
  ok: 0,
  /** A run failed, the answer timed out, or a check found a problem. */
  failed: 1,
  /** Invalid command line. */
  usage: 2,
  /** Gateway, Temporal, store or model unavailable. */
  unreachable: 3,
  /** The request was refused. */
  refused: 4,
  /** Interrupted by Ctrl-C. */
  interrupted: 130,
} as const;

/** An error whose message is complete for the user, with its exit code. */
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
