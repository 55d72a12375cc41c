import { setTimeout as delay } from 'node:timers/promises';

/** Times of a turn, since it was sent. */
export interface TurnTimes {
  readonly receiptMs?: number;
  readonly firstDeltaMs?: number;
  readonly completedMs: number;
}

/** Longer than a worker needs to report a turn to Temporal after the client has received it, so that the next turn finds an idle session. */
export const REST_MS = 100;

/** A conversation with Perdure or with the minimal workflow, one turn at a time. */
export interface Talk {
  turn(content: string): Promise<TurnTimes>;
  close(): void;
}

/** A block of measured turns. */
export interface Block {
  readonly turns: readonly TurnTimes[];
  readonly elapsedMs: number;
  /** CPU time of this process, with worker, client and embedded store. */
  readonly cpuMs: number;
}

export interface BlockSize {
  readonly sessions: number;
  /** Turns per conversation. */
  readonly turns: number;
  /** Pause before each turn, not measured. Default: none; the next message is sent when the answer has arrived. */
  readonly restMs?: number;
}

/** Runs new conversations concurrently, each one turn at a time. The first turn of each, which starts it, is not measured. */
export async function talkBlock(
  start: () => Talk,
  content: string,
  { sessions, turns, restMs = 0 }: BlockSize,
): Promise<Block> {
  const talks = Array.from({ length: sessions }, start);
  await Promise.all(talks.map((talk) => talk.turn(content)));
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const times = await Promise.all(talks.map((talk) => turnsOf(talk, content, turns, restMs)));
  const elapsedMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const talk of talks) talk.close();
  return { turns: times.flat(), elapsedMs, cpuMs: (user + system) / 1_000 };
}

/** The time of each turn of each block. */
export function completedIn(blocks: readonly Block[]): number[][] {
  return blocks.map(({ turns }) => turns.map(({ completedMs }) => completedMs));
}

export async function turnsOf(talk: Talk, content: string, turns: number, restMs = 0): Promise<TurnTimes[]> {
  const times: TurnTimes[] = [];
  while (times.length < turns) {
    if (restMs > 0) await delay(restMs);
    times.push(await talk.turn(content));
  }
  return times;
}

/** Measures blocks in the order A B C A B C …, so that load on the machine affects all of them. The first round is a warm-up and not measured. */
export async function interleave<Name extends string, Measured>(
  rounds: number,
  blocks: Readonly<Record<Name, () => Promise<Measured>>>,
): Promise<Record<Name, Measured[]>> {
  const names = Object.keys(blocks) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<Name, Measured[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const block = await blocks[name]();
      if (round > 0) measured[name].push(block);
    }
  }
  return measured;
}
