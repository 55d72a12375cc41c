import { setTimeout as delay } from 'node:timers/promises';
import { gatewaySession } from './gateway-session.ts';

export interface TurnsInput {
  readonly url: string;
  readonly content: string;
  readonly sessions: number;
  /** Turns that are not measured, before the others. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The time of each turn that ended while it was measured, in ms. */
export interface TurnsOutput {
  readonly turnsMs: readonly number[];
  readonly elapsedMs: number;
}

/** New sessions, each of which sends its next message as soon as it has the answer. Marks `begin` and `end` of what is measured. */
export async function turns(input: TurnsInput, mark: (name: string) => void): Promise<TurnsOutput> {
  const { url, content, sessions, warmUpMs, measureMs } = input;
  const talks = Array.from({ length: sessions }, () => gatewaySession(url));
  await Promise.all(talks.map((talk) => talk.turn(content)));
  const state = { isMeasured: false, isOver: false };
  const turnsMs: number[] = [];
  const running = talks.map(async (talk) => {
    while (!state.isOver) {
      const tookMs = await talk.turn(content);
      if (state.isMeasured) turnsMs.push(tookMs);
    }
  });
  const measuring = async () => {
    await delay(warmUpMs);
    state.isMeasured = true;
    mark('begin');
    const began = performance.now();
    await delay(measureMs);
    state.isMeasured = false;
    state.isOver = true;
    mark('end');
    return performance.now() - began;
  };
  const [elapsedMs] = await Promise.all([measuring(), ...running]);
  return { turnsMs, elapsedMs };
}

export interface SuccessiveTurnsInput {
  readonly url: string;
  readonly content: string;
  readonly session: string;
  readonly count: number;
  /** Pause before each turn, in ms. Default 0. */
  readonly restMs?: number;
}

/** So many turns of one session, one after the other; the time of each, in ms. */
export async function successiveTurns(input: SuccessiveTurnsInput): Promise<number[]> {
  const { url, content, session, count, restMs = 0 } = input;
  const talk = gatewaySession(url, session);
  const turnsMs: number[] = [];
  while (turnsMs.length < count) {
    if (restMs > 0) await delay(restMs);
    turnsMs.push(await talk.turn(content));
  }
  return turnsMs;
}
