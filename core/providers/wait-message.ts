import type { WaitKind } from '../../contracts/provider.ts';

const REASONS: Record<WaitKind, (provider: string) => string> = {
  rate_limit: (provider) => `The provider ${provider} is at the limits of this deployment`,
  circuit: (provider) => `The circuit of the provider ${provider} is open after repeated failures`,
  cool_down: (provider) => `The provider ${provider} rejected a call for its rate (too many requests)`,
};

/** Explains why a run waits for its provider, since when, and when it is expected to continue. */
export function waitMessage(
  provider: string,
  { why, sinceMs, untilMs }: { readonly why: WaitKind; readonly sinceMs: number; readonly untilMs: number | null },
): string {
  const until = untilMs === null ? 'when a trial call has ended' : `at about ${iso(untilMs)}`;
  return `${REASONS[why](provider)}. Waiting since ${iso(sinceMs)}; calls resume ${until}.`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
