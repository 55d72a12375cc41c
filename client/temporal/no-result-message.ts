/** Why an update has no result. `workers`: how many poll; null if unknown. */
export function noResultMessage(ackTimeoutMs: number, workers: number | null): string {
  const late = `No worker responded within ${ackTimeoutMs} ms`;
  if (workers === 0) return `${late}. Check that a worker is running, then try again.`;
  const cause =
    workers === null
      ? ''
      : `, although ${workers === 1 ? 'one polls' : `${workers} poll`} the task queue: the system is overloaded`;
  return `${late}${cause}. The request may still take effect; it is safe to repeat with the same id.`;
}
