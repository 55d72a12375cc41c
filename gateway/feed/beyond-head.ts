import { PerdureError } from '../../contracts/errors.ts';

/** The error of a reader whose last event is after the newest, `head`. */
export function beyondHead(after: number, head: number): PerdureError {
  return new PerdureError(
    'invalid_request',
    `The event ${after} is after the session's newest, ${head}: the session was deleted and created again. Read it from the start with after=0.`,
  );
}
