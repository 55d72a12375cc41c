import { setTimeout as delay } from 'node:timers/promises';
import { distribution } from '../test/support/gateway/http-calls.ts';
import { checkSessions, doubledEffects } from './check-sessions.ts';
import type { Figures, Outcome } from './experiment.ts';
import type { System } from './parts/start-system.ts';
import type { Accepted, Ledger } from './traffic/ledger.ts';
import type { Crowd } from './traffic/crowd.ts';

/** How long what was accepted may take to be answered once every part works again. */
const PATIENCE_MS = 120_000;
/** For the last frames of readers whose sessions have settled. */
const READERS_MS = 30_000;

/** With every part working again: waits for the answers, checks what is stored and read, and ends the processes as a deploy does. */
export async function conclude(
  system: System,
  crowd: Crowd,
  more: {
    readonly figures?: Figures;
    readonly faults?: readonly string[];
    /** Messages that another crowd has sent before a restore, and that were restored. Their effects may have been repeated. */
    readonly restored?: readonly Accepted[];
  } = {},
): Promise<Outcome> {
  const { ledger } = crowd;
  const { accepted } = ledger;
  const { restored = [] } = more;
  const sent = new Set(accepted.map(({ id }) => id));
  const found = {
    ...(await checkSessions(system, [...restored, ...accepted], PATIENCE_MS)),
    'effects doubled': doubledEffects(system.effects().filter(({ mark }) => sent.has(mark))),
  };
  const unread = () => accepted.filter(({ id }) => !ledger.endedAt.has(id));
  const until = Date.now() + READERS_MS;
  while (unread().length > 0 && Date.now() < until) await delay(250);
  await crowd.leave();
  const faults = [...ledger.faults, ...(more.faults ?? [])];
  if (unread().length > 0)
    faults.push(`unread: no reader saw the end of ${unread().length} messages, such as ${unread()[0]?.id}`);
  const ended = system.programs.reduce((sum, { endedByItself }) => sum + endedByItself, 0);
  if (ended > 0) faults.push(`ended: a process that was ready ended by itself ${ended} times`);
  const stopped = await Promise.all(system.programs.map((program) => program.stop()));
  if (stopped.includes(false)) faults.push('not stopped: a process did not end with code 0 after SIGTERM');

  const isGood = faults.length === 0 && Object.values(found).every((ones) => ones.length === 0);
  const outcome = { figures: { ...more.figures, ...figuresOf(ledger, accepted) }, found, faults };
  return isGood ? outcome : { ...outcome, logs: system.keep() };
}

function figuresOf(ledger: Ledger, accepted: readonly Accepted[]): Figures {
  const toEnd = accepted.flatMap(({ id, sentAt }) => {
    const end = ledger.endedAt.get(id);
    return end === undefined ? [] : [end - sentAt];
  });
  return {
    'messages accepted': accepted.length,
    'requests sent again': ledger.sentAgain,
    'streams opened again': ledger.reconnects,
    'from sending to the receipt': distribution(accepted.map(({ sentAt, acceptedAt }) => acceptedAt - sentAt)),
    'from sending to the answer': distribution(toEnd),
    'longest silence of a reader with an open run, ms': ledger.longestSilenceMs,
  };
}
