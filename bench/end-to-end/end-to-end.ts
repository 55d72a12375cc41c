import { atLeast, atMost, type Aim, type BenchmarkRow } from '../benchmark.ts';
import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end-benchmark.ts';
import { TOOL_TURN_MODEL_MS } from './messages.ts';
import { totalMsOf } from './observe/observe-block.ts';
import { startPeople, type People } from './people.ts';
import { startFloorSystem, startLoopSystem } from './systems/compared-systems.ts';
import { startPerdure } from './systems/start-system.ts';
import type { System } from './systems/system.ts';
import { TEMPERATURE_ENV, TEMPERATURES, type Temperature } from './temperature.ts';
import { figuresOf, measureTurnLevels, memoryOf, threadsOf, type TurnLevel } from './turn-levels.ts';

/** The aims by temperature: ms beyond the model's time at 1 session, turns per second and processor ms at 50. */
const WANTED = {
  hot: { p50Ms: 13, turnsPerSecond: 170, cpuMs: 9 },
  cold: { p50Ms: 28, turnsPerSecond: 70, cpuMs: 22 },
} as const;

/** All processes after the turns of 50 sessions. */
const WANTED_MIB = 700;

interface Measured {
  readonly what: string;
  /** The model's own time in a turn. */
  readonly modelMs: number;
  /** Of Perdure. */
  readonly temperature?: Temperature;
  readonly levels: readonly TurnLevel[];
}

/** Tool turns over HTTP, as a user runs Perdure. */
export const endToEnd: EndToEndBenchmark = {
  name: 'end-to-end',
  describe:
    'Tool turns (two streamed model calls of 20 ms, one quick tool between them) from sending a message over HTTP until the complete answer, beyond the model’s 40 ms. Each session sends its next message as soon as it has the answer. `hot`: with the settings of a user; `cold`: with `serving: { lingerMs: 0 }`. `floor` is a bare Temporal workflow behind HTTP, without a model; `loop` a hand-written loop on the same store, with three commits a turn and without durability. `CPU ms` is the processor time of a turn in all processes of the system.',
  async run(setting) {
    await using people = await startPeople();
    const all = await measureAll(setting, people);
    const last = all.flatMap(({ what, levels }) => levels.slice(-1).map((level) => ({ what, level })));
    const rows = all.flatMap(({ what, modelMs, levels }) =>
      levels.map((level): BenchmarkRow => {
        return { what: `${what}, ${sessionsOf(level)}`, values: figuresOf(level, modelMs) };
      }),
    );
    return {
      rows,
      aims: all.flatMap(({ temperature, levels }) => (temperature ? aimsOf(temperature, levels) : [])),
      tables: [
        {
          name: 'threads',
          describe: THREADS,
          rows: last.map(({ what, level }) => ({ what, values: threadsOf(level) })),
        },
        { name: 'memory', describe: MEMORY, rows: last.map(({ what, level }) => ({ what, values: memoryOf(level) })) },
      ],
    };
  },
};

const THREADS =
  'Processor time of a turn in the threads of the application, with 50 sessions, in ms. `ended` is that of threads that had ended before the measurement did.';

const MEMORY =
  'Resident memory of the processes after the turns of 50 sessions, in MiB. Memory that PostgreSQL’s processes share is counted once.';

async function measureAll(setting: EndToEndSetting, people: People): Promise<Measured[]> {
  const measure = async (starting: Promise<System>) => {
    await using system = await starting;
    return await measureTurnLevels(setting, people, system);
  };
  const { providerUrl } = people;
  const measured: Measured[] = [
    { what: 'floor', modelMs: 0, levels: await measure(startFloorSystem()) },
    { what: 'loop', modelMs: TOOL_TURN_MODEL_MS, levels: await measure(startLoopSystem(setting, providerUrl)) },
  ];
  for (const temperature of TEMPERATURES) {
    const starting = startPerdure(setting, { provider: providerUrl, env: TEMPERATURE_ENV[temperature] });
    const levels = await measure(starting);
    measured.push({ what: `Perdure, ${temperature}`, modelMs: TOOL_TURN_MODEL_MS, temperature, levels });
  }
  return measured;
}

function sessionsOf({ sessions }: TurnLevel): string {
  return `${sessions} session${sessions === 1 ? '' : 's'}`;
}

function aimsOf(temperature: Temperature, levels: readonly TurnLevel[]): Aim[] {
  const wanted = WANTED[temperature];
  return levels.flatMap((level) => {
    const { turnsMs, turnsPerSecond, processor } = level;
    const where = `${sessionsOf(level)}, ${temperature}`;
    if (level.sessions === 1) {
      const p50 = summarize(turnsMs).p50 - TOOL_TURN_MODEL_MS;
      return [atMost(`tool turn beyond the model’s time, p50, ${where}`, p50, wanted.p50Ms, ' ms')];
    }
    if (level.sessions !== 50) return [];
    const memory = memoryOf(level)['all'] ?? Number.NaN;
    return [
      atLeast(`tool turns per second, ${where}`, turnsPerSecond, wanted.turnsPerSecond),
      atMost(`processor time of a tool turn, ${where}`, totalMsOf(processor) / turnsMs.length, wanted.cpuMs, ' ms'),
      ...(temperature === 'hot' ? [atMost(`memory after ${where}`, memory, WANTED_MIB, ' MiB')] : []),
    ];
  });
}
