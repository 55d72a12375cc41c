/** gRPC's NOT_FOUND. */
const NOT_FOUND = 5;

/** Whether a call of Temporal failed because what it names does not exist. */
export function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === NOT_FOUND;
}
