import type { GatewayClient } from '../../client/http/gateway-client.ts';
import type { WaitingFor } from '../../contracts/session/session.ts';
import { describeWait } from './describe-wait.ts';

/** Time without an event after which the reason is requested. */
const SILENCE_MS = 2_000;

/** Waits that no event shows. A model call and a tool call have events. */
const REPORTED: readonly WaitingFor['what'][] = ['worker', 'paused', 'rate_limit', 'circuit', 'cool_down'];

export interface WaitReporter {
  /** Restarts the silence. Call it for every event. */
  onEvent(): void;
  stop(): void;
}

export interface WaitReporterOptions {
  /** Whether a run is expected to make progress. */
  readonly isBusy: () => boolean;
  /** Prints a line. */
  readonly report: (line: string) => void;
}

/** Reports what a run waits for, once for each wait, when no event has arrived for a while. */
export function reportWaits(
  client: Pick<GatewayClient, 'whySession'>,
  session: string,
  { isBusy, report }: WaitReporterOptions,
): WaitReporter {
  let reported = '';
  async function check(): Promise<void> {
    if (!isBusy()) return;
    const { waitingFor, workers } = await client.whySession(session);
    const wait = workers === 0 ? 'no worker' : `${waitingFor.what} ${waitingFor.since}`;
    if (!isBusy() || wait === reported) return;
    if (workers !== 0 && !REPORTED.includes(waitingFor.what)) return;
    reported = wait;
    report(
      workers === 0
        ? 'No worker is running. The answer comes once one is.'
        : `Waiting for ${describeWait(waitingFor)}.`,
    );
  }
  // Ignores errors: the reader of the events reports a lost connection.
  const timer = setInterval(() => void check().catch(() => undefined), SILENCE_MS);
  timer.unref();
  return { onEvent: () => void timer.refresh(), stop: () => clearInterval(timer) };
}
