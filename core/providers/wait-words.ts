import type { WaitKind } from '../../contracts/provider.ts';

const WHY: Record<WaitKind, (provider: string) => string> = {
  rate_limit: (provider) => `The provider ${provider} is at the limits that this deployment sets`,
  circuit: (provider) => `The provider ${provider} fails: its circuit is open`,
  cool_down: (provider) => `The provider ${provider} said that it gets too many requests`,
};

/** Why a run waits for its provider, since when and until when, as a sentence. */
export function waitWords(
  provider: string,
  { why, sinceMs, untilMs }: { readonly why: WaitKind; readonly sinceMs: number; readonly untilMs: number | null },
): string {
  const until = untilMs === null ? 'until a call that tries it has ended' : `until about ${iso(untilMs)}`;
  return `${WHY[why](provider)}, ${until}; waited for since ${iso(sinceMs)}.`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
