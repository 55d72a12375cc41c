import type { GatewayClient } from '../../client/http/gateway-client.ts';
import type { WaitingFor } from '../../contracts/session/session.ts';
import { waitingWords } from './waiting-words.ts';

/** How long nothing may come before it is asked why. */
const SILENCE_MS = 3_000;

/** What nobody sees by watching: a model that thinks and a tool that works are not told of. */
const TOLD: readonly WaitingFor['what'][] = ['worker', 'rate_limit', 'circuit', 'cool_down'];

export interface WaitTeller {
  /** Something came. */
  heard(): void;
  stop(): void;
}

/** Tells whoever watches a session what its run waits for, each wait once, when nothing has come for a while and `busy` says that something should. */
export function sayWaits(
  client: Pick<GatewayClient, 'snapshot'>,
  session: string,
  { busy, tell }: { readonly busy: () => boolean; readonly tell: (line: string) => void },
): WaitTeller {
  let told = '';
  async function look(): Promise<void> {
    if (!busy()) return;
    const { waitingFor } = await client.snapshot(session);
    const wait = `${waitingFor.what} ${waitingFor.since}`;
    if (!busy() || wait === told || !TOLD.includes(waitingFor.what)) return;
    told = wait;
    tell(`Waiting for ${waitingWords(waitingFor)}.`);
  }
  // A gateway that is away is told of by whoever reads the events.
  const timer = setInterval(() => void look().catch(() => undefined), SILENCE_MS);
  timer.unref();
  return { heard: () => void timer.refresh(), stop: () => clearInterval(timer) };
}
