import type { EndToEndSetting } from './end-to-end-benchmark.ts';
import type { ReadingsOutput } from './driver/readings.ts';
import { observeBlock } from './observe/observe-block.ts';
import { busyPercent } from './observe/own-load.ts';
import { residentMiB } from './observe/processes.ts';
import { callsBetween, readPersistence, writesIn, type PersistenceCounts } from './observe/temporal-metrics.ts';
import type { People } from './people.ts';
import type { System } from './systems/system.ts';

/** What a number of people measured, of all drivers. */
export interface ConversationLevel extends Omit<ReadingsOutput, 'firstFailure'> {
  /** Processor, memory and Temporal's writes meanwhile: figures with their headings. */
  readonly load: Readonly<Record<string, number>>;
}

/** Measures a number of people, whom the drivers share. */
export async function measureConversations(
  setting: EndToEndSetting,
  { drivers, provider }: People,
  system: System,
  people: number,
): Promise<ConversationLevel> {
  const observed = observeBlock(system);
  const writes = observeWrites(system);
  const input = {
    url: system.url,
    answer: { deltas: setting.size(200, 20), everyMs: 50 },
    thoughtMs: setting.size(20_000, 1_000),
    rampMs: setting.size(30_000, 1_000),
    measureMs: setting.size(60_000, 3_000),
    graceMs: setting.size(30_000, 10_000),
  };
  await Promise.all([...drivers.map((driver) => driver.run('load', undefined)), provider.run('load', undefined)]);
  const onMark = (mark: string) => {
    observed.onMark(mark);
    writes.onMark(mark);
  };
  const outputs = await Promise.all(
    drivers.map((driver, index) => {
      const share = Math.floor(people / drivers.length) + (index < people % drivers.length ? 1 : 0);
      return driver.run('conversations', { ...input, people: share }, index === 0 ? onMark : undefined);
    }),
  );
  const memory = Object.values(system.processes()).reduce((sum, pids) => sum + residentMiB(pids), 0);
  const driverLoads = await Promise.all(drivers.map((driver) => driver.run('load', undefined)));
  const seconds = input.measureMs / 1_000;
  const cpu = Object.entries(observed.times()).map(([group, { totalMs }]) => [
    `${group} CPU %`,
    totalMs / seconds / 10,
  ]);
  const written = await writes.count();
  for (const { firstFailure } of outputs) if (firstFailure) console.error(`  A message failed: ${firstFailure}`);
  return {
    ...combine(outputs),
    load: {
      ...Object.fromEntries(cpu),
      ...(memory > 0 && { 'memory MiB': memory }),
      ...(written !== undefined && { 'Temporal writes/s': written / seconds }),
      'drivers CPU %': driverLoads.reduce((sum, load) => sum + busyPercent(load), 0),
      'driver lag p99 ms': Math.max(...driverLoads.map(({ lagP99Ms }) => lagP99Ms)),
      'provider CPU %': busyPercent(await provider.run('load', undefined)),
    },
  };
}

function combine(outputs: readonly ReadingsOutput[]): Omit<ReadingsOutput, 'firstFailure'> {
  const sum = (of: (output: ReadingsOutput) => number) => outputs.reduce((total, output) => total + of(output), 0);
  return {
    firstTokensMs: outputs.flatMap(({ firstTokensMs }) => firstTokensMs),
    gapsMs: outputs.flatMap(({ gapsMs }) => gapsMs),
    answers: sum(({ answers }) => answers),
    unanswered: sum(({ unanswered }) => unanswered),
    failures: sum(({ failures }) => failures),
  };
}

/** Counts the writes of the Temporal server between the marks `begin` and `end`; undefined if it cannot be read. */
function observeWrites(system: System): { onMark(name: string): void; count(): Promise<number | undefined> } {
  const at: Record<string, Promise<PersistenceCounts | undefined>> = {};
  return {
    onMark(name) {
      const [pid] = system.processes().Temporal ?? [];
      if (pid !== undefined) at[name] = readPersistence(pid);
    },
    async count() {
      const [before, after] = [await at['begin'], await at['end']];
      return before && after ? writesIn(callsBetween(before, after)) : undefined;
    },
  };
}
