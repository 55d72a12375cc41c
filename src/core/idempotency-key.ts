/** The key that every try of one tool call carries. Run ids are unique everywhere, call ids within their run. */
export function idempotencyKey(runId: string, callId: string): string {
  return `${runId}:${callId}`;
}
