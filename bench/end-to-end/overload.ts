import { summarize } from '../statistics.ts';
import type { EndToEndBenchmark } from './end-to-end-benchmark.ts';
import { MESSAGE } from './messages.ts';
import { startPeople } from './people.ts';
import { startPerdure } from './systems/start-system.ts';

/** How much more is sent than can be answered. */
const TIMES = 3;

/** More messages than the machine can answer. */
export const overload: EndToEndBenchmark = {
  name: 'overload',
  describe:
    '400 users with a session each. First each sends its next message as soon as it has the answer: `turns/s` is what the machine can do. Then they send three times as many messages a second, whether or not they have their answers, for 30 s. `worst` and `p95`: from sending an accepted message until its answer was complete. `refused` messages got 429 or 503 with `Retry-After`; `refusal p95`: from sending one until its refusal. `probe`: the time until the first text for a further user who sends one message a second to a new session.',
  async run(setting) {
    await using people = await startPeople();
    await using system = await startPerdure(setting, { provider: people.providerUrl });
    const users = setting.size(400, 20);
    const input = { url: system.url, content: MESSAGE.plain };
    const full = await people.driver.run('saturate', {
      ...input,
      users,
      rampMs: setting.size(5_000, 500),
      measureMs: setting.size(15_000, 2_000),
    });
    const saturated = full.perSecond;
    const over = await people.driver.run('overload', {
      ...input,
      users,
      perSecond: saturated * TIMES,
      seconds: setting.size(30, 3),
      graceMs: setting.size(120_000, 20_000),
    });
    if (over.firstFailure) console.error(`  A message failed: ${over.firstFailure}`);
    const answered = summarize(over.answeredMs);
    const saturation = summarize(full.turnsMs);
    return {
      rows: [
        {
          what: 'at saturation',
          values: { 'turns/s': saturated, 'p95 ms': saturation.p95, 'worst ms': Math.max(...full.turnsMs) },
        },
        {
          what: `at ${TIMES} times that load`,
          values: {
            'turns/s': over.answersPerSecond,
            'p95 ms': answered.p95,
            'worst ms': Math.max(...over.answeredMs),
            accepted: over.answeredMs.length + over.unanswered,
            unanswered: over.unanswered,
            'refused 429': over.refusals['429'] ?? 0,
            'refused 503': over.refusals['503'] ?? 0,
            'without Retry-After': over.withoutRetryAfter,
            'refusal p95 ms': summarize(over.refusedMs).p95,
            failures: over.failures,
            'probe p50 ms': summarize(over.probesMs).p50,
            'probe worst ms': Math.max(...over.probesMs),
            'probes refused': over.probesRefused,
          },
        },
      ],
    };
  },
};
