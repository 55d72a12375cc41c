import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark } from './end-to-end-benchmark.ts';
import { MODEL_CALL_MS } from './messages.ts';
import { startPeople } from './people.ts';
import { startPerdure } from './systems/start-system.ts';

/** Many new sessions at once. */
export const bursts: EndToEndBenchmark = {
  name: 'bursts',
  describe:
    '50 new sessions a second for 10 s, each with one message that is answered for 10 s at 20 deltas a second, after a minute’s warm-up of the system with few. `drained`: from the last message until the last answer was complete, beyond the model’s time.',
  async run(setting) {
    await using people = await startPeople();
    await using system = await startPerdure(setting, { provider: people.providerUrl });
    const answer = { deltas: setting.size(200, 20), everyMs: 50 };
    const input = { url: system.url, answer, graceMs: setting.size(120_000, 20_000) };
    await people.driver.run('burst', { ...input, perSecond: 5, seconds: setting.size(60, 1) });
    const output = await people.driver.run('burst', {
      ...input,
      perSecond: setting.size(50, 5),
      seconds: setting.size(10, 1),
    });
    const { p50, p95, count } = summarize(output.firstTokensMs);
    if (output.firstFailure) console.error(`  A message failed: ${output.firstFailure}`);
    return {
      rows: [
        {
          what: 'Perdure',
          values: {
            'first token p50 ms': p50 - MODEL_CALL_MS,
            'first token p95 ms': p95 - MODEL_CALL_MS,
            'gap p99 ms': summarize(output.gapsMs).p99,
            'drained s': output.drainedMs / 1_000,
            messages: count,
            unanswered: output.unanswered,
            failures: output.failures,
          },
        },
      ],
    };
  },
};
