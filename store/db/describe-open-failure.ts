/** The number of `ENOSPC` in the system interface of WebAssembly. */
const NO_SPACE = 51;

/** Why an embedded database cannot be opened. What the file system of PGlite throws is an error number, and no `Error` any more when it has left a thread. */
export function describeOpenFailure(error: unknown): string {
  if (error instanceof Error) return error.message;
  const { errno } = error as { readonly errno?: unknown };
  return errno === NO_SPACE ? 'its disk is full' : `error ${String(errno)} of the file system`;
}
