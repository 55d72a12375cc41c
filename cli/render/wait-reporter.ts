import type { GatewayClient } from '../../client/http/gateway-client.ts';
import type { WaitingFor } from '../../contracts/session/session.ts';
import { describeWait } from './describe-wait.ts';

/** How long nothing may come before it is asked why. */
const SILENCE_MS = 3_000;

/** What nobody sees by watching: a model that thinks and a tool that works are not told of. */
const TOLD: readonly WaitingFor['what'][] = ['worker', 'rate_limit', 'circuit', 'cool_down'];

export interface WaitReporter {
  /** Something came. */
  heard(): void;
  stop(): void;
}

/** Tells whoever watches a session what its run waits for, each wait once, when nothing has come for a while and `busy` says that something should. */
export function reportWaits(
  client: Pick<GatewayClient, 'snapshot'>,
  session: string,
  { busy, tell }: { readonly busy: () => boolean; readonly tell: (line: string) => void },
): WaitReporter {
  let told = '';
  async function options(): Promise<void> {
    if (!busy()) return;
    const { waitingFor } = await client.snapshot(session);
    const wait = `${waitingFor.what} ${waitingFor.since}`;
    if (!busy() || wait === told || !TOLD.includes(waitingFor.what)) return;
    told = wait;
    tell(`Waiting for ${describeWait(waitingFor)}.`);
  }
  // A gateway that is away is told of by whoever reads the events.
  const timer = setInterval(() => void options().catch(() => undefined), SILENCE_MS);
  timer.unref();
  return { heard: () => void timer.refresh(), stop: () => clearInterval(timer) };
}
