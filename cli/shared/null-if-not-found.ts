import { PerdureError } from '../../contracts/errors.ts';

/** Resolves with what `read` does; null if the gateway does not find it. */
export async function nullIfNotFound<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PerdureError && error.code === 'not_found') return null;
    throw error;
  }
}
