import { atMost, type Aim, type BenchmarkRow } from '../benchmark.ts';
import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark } from './end-to-end-benchmark.ts';
import { MESSAGE } from './messages.ts';
import { startPeople } from './people.ts';
import { startPerdure } from './systems/start-system.ts';
import { TEMPERATURE_ENV, TEMPERATURES } from './temperature.ts';

const SESSIONS = 10;
/** The 95th percentile, in ms. */
const WANTED_MS = 8;

/** Time until a message is stored. */
export const receipts: EndToEndBenchmark = {
  name: 'receipts',
  describe:
    'From sending a message over HTTP until its receipt: the message is stored, and is answered even if every process dies. 10 sessions with tool turns, each of which sends its next message as soon as it has the answer.',
  async run(setting) {
    await using people = await startPeople();
    const rows: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    for (const temperature of TEMPERATURES) {
      const options = { provider: people.providerUrl, env: TEMPERATURE_ENV[temperature] };
      await using system = await startPerdure(setting, options);
      const input = { url: system.url, content: MESSAGE.tool, sessions: SESSIONS };
      await people.driver.run('receipts', { ...input, messages: setting.size(60, 1) });
      const times = await people.driver.run('receipts', { ...input, messages: setting.size(100, 3) });
      const { p50, p95, count } = summarize(times);
      rows.push({ what: `Perdure, ${temperature}`, values: { 'p50 ms': p50, 'p95 ms': p95, receipts: count } });
      if (temperature === 'hot') aims.push(atMost(`receipt, p95, ${SESSIONS} sessions`, p95, WANTED_MS, ' ms'));
    }
    return { rows, aims };
  },
};
