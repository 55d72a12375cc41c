import { ERRORS, PerdureError } from '../../contracts/errors.ts';

/**
 * Adds an id that was generated here to errors after which the request may have taken effect, so that the caller can
 * repeat it under the same id. `id`: undefined when the caller sent one.
 */
export async function withGeneratedId<T>(id: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (id === undefined || !(error instanceof PerdureError) || ERRORS[error.code].httpStatus < 500) throw error;
    const { code, message, retryAfterMs, budget } = error;
    throw new PerdureError(
      code,
      `${message} The request had no id and got ${JSON.stringify(id)}: repeat it with that id, so that it takes effect once.`,
      { cause: error, retryAfterMs, budget },
    );
  }
}
