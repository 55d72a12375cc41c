import { setTimeout as delay } from 'node:timers/promises';

/** How long after its sending a turn got somewhere. */
export interface TurnTimes {
  readonly receiptMs?: number;
  readonly firstDeltaMs?: number;
  readonly completedMs: number;
}

/** Longer than the worker takes to tell Temporal of a turn that the client has heard of: the next turn then meets a session at rest. */
export const REST_MS = 100;

/** One conversation, of Perdure or of the floor. One turn at a time. */
export interface Talk {
  turn(content: string): Promise<TurnTimes>;
  close(): void;
}

/** Turns that were measured together. */
export interface Block {
  readonly turns: readonly TurnTimes[];
  readonly elapsedMs: number;
  /** Of this process, which holds the worker, the client and an embedded store. */
  readonly cpuMs: number;
}

export interface BlockSize {
  readonly sessions: number;
  /** In each of them. */
  readonly turns: number;
  /** Before each turn, not counted. Default none: the next message is sent as soon as the answer is there. */
  readonly restMs?: number;
}

/** New conversations side by side, each taking its turns one after another. The first turn of each, which starts it, is not counted. */
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

/** How long each turn of each block took. */
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

/** Measures blocks in the order A B C A B C …, so that a noisy machine is noisy for all. The first round warms up and is not counted. */
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
