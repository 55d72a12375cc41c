import { atMost, type Aim, type BenchmarkRow } from '../benchmark.ts';
import { summarize } from '../statistics.ts';
import { REST_MS } from '../talk.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end-benchmark.ts';
import { MESSAGE, MODEL_CALL_MS } from './messages.ts';
import { startPeople, type People } from './people.ts';
import { startLoopSystem } from './systems/compared-systems.ts';
import { startPerdure } from './systems/start-system.ts';
import type { System } from './systems/system.ts';
import { TEMPERATURE_ENV, TEMPERATURES } from './temperature.ts';

/** The 95th percentile beyond the model's time, in ms. */
const WANTED_MS = { known: 20, new: 50 } as const;

/** Time until an answer begins. */
export const firstToken: EndToEndBenchmark = {
  name: 'first-token',
  describe:
    'From sending a message over HTTP until the first text of its answer arrives in the event stream, beyond the model’s 20 ms; one message after the other, 100 ms after the answer before. `new`: the first message of a session; otherwise the session has had messages before.',
  async run(setting) {
    await using people = await startPeople();
    const rows: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    const { providerUrl: provider } = people;
    const loop = await measureSystem(setting, people, startLoopSystem(setting, provider));
    rows.push({ what: 'loop', values: figuresOf(loop.known) });
    for (const temperature of TEMPERATURES) {
      const starting = startPerdure(setting, { provider, env: TEMPERATURE_ENV[temperature] });
      const times = await measureSystem(setting, people, starting);
      const what = `Perdure, ${temperature}`;
      rows.push({ what, values: figuresOf(times.known) });
      rows.push({ what: `${what}, new session`, values: figuresOf(times.new) });
      if (temperature === 'hot') aims.push(aimOf(temperature, times.known, WANTED_MS.known));
      if (temperature === 'hot') aims.push(aimOf('new session', times.new, WANTED_MS.new));
    }
    return { rows, aims };
  },
};

function aimOf(where: string, times: readonly number[], wantedMs: number): Aim {
  return atMost(`first token beyond the model’s time, p95, ${where}`, summarize(times).p95, wantedMs, ' ms');
}

async function measureSystem(
  setting: EndToEndSetting,
  people: People,
  starting: Promise<System>,
): Promise<Record<'known' | 'new', number[]>> {
  await using system = await starting;
  const warmUp = { url: system.url, content: MESSAGE.plain, sessions: 10, warmUpMs: 0 };
  await people.driver.run('turns', { ...warmUp, measureMs: setting.size(15_000, 300) });
  return {
    known: await measure(setting, people, system, 'known'),
    new: await measure(setting, people, system, 'new'),
  };
}

async function measure(
  setting: EndToEndSetting,
  { driver }: People,
  { url }: System,
  sessions: 'new' | 'known',
): Promise<number[]> {
  const input = { url, content: MESSAGE.plain, restMs: REST_MS, sessions, count: setting.size(200, 5) };
  return (await driver.run('firstTokens', input)).map((ms) => ms - MODEL_CALL_MS);
}

function figuresOf(times: readonly number[]): Record<string, number> {
  const { p50, p95, count } = summarize(times);
  return { 'p50 ms': p50, 'p95 ms': p95, answers: count };
}
