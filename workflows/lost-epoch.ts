/**
 * The epoch in the JSON of the signal `serverLost` (`ServerLoss`); undefined if there is none, since workers of earlier versions
 * send no JSON, and any client can send any. By hand, because zod must stay out of the workflow bundle.
 */
export function lostEpoch(input: unknown): number | undefined {
  if (typeof input !== 'object' || input === null || !('epoch' in input)) return undefined;
  const { epoch } = input;
  return Number.isSafeInteger(epoch) && (epoch as number) >= 0 ? (epoch as number) : undefined;
}
