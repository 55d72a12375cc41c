import { atMost, type Aim, type BenchmarkRow } from '../benchmark.ts';
import { summarize } from '../statistics.ts';
import { measureConversations, type ConversationLevel } from './conversation-level.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end-benchmark.ts';
import { MODEL_CALL_MS } from './messages.ts';
import { nextToTry } from './next-to-try.ts';
import { startPeople } from './people.ts';
import { startPerdure } from './systems/start-system.ts';

/** What a person still finds quick: the 95th percentile of the first token beyond the model's time, and the 99th of the pause between deltas. */
const MARKS = { firstTokenMs: 1_000, gapMs: 250 } as const;
const WANTED_PEOPLE = 1_000;
/** How many numbers are tried to find the largest one. */
const SEARCHES = 4;

/** How many people can talk at once. */
export const conversations: EndToEndBenchmark = {
  name: 'conversations',
  describe:
    'People who each send a message, read an answer of 10 s at 20 deltas a second, think for 20 s, and send the next one. First token: from sending until the first text arrives, beyond the model’s 20 ms. Gap: between arrivals of text; the model’s own is 50 ms. Each number of people has a new system; what is measured is a minute after all of them have begun. `CPU %` is of one core.',
  async run(setting) {
    const measured = new Map<number, ConversationLevel>();
    const measure = async (people: number) => {
      console.error(`  ${people} people`);
      const level = await withSystem(setting, people);
      measured.set(people, level);
      return meetsMarks(level);
    };
    for (const people of [100, 300, WANTED_PEOPLE].map((n) => setting.size(n, n / 50))) await measure(people);
    for (let n = 0; n < setting.size(SEARCHES, 0); n += 1) {
      const next = nextToTry(new Map([...measured].map(([people, level]) => [people, meetsMarks(level)])));
      if (next === undefined) break;
      await measure(next);
    }
    const levels = [...measured].toSorted(([a], [b]) => a - b);
    const best = levels.reduce((most, [people, level]) => (meetsMarks(level) ? Math.max(most, people) : most), 0);
    const most = setting.size(WANTED_PEOPLE, WANTED_PEOPLE / 50);
    const wanted = measured.get(most);
    return {
      rows: [
        ...levels.map(([people, level]): BenchmarkRow => ({
          what: `${people.toLocaleString('en')} people`,
          values: figuresOf(level),
        })),
        { what: 'largest number within the marks', values: { people: best } },
      ],
      aims: wanted ? aimsOf(most, wanted) : [],
    };
  },
};

/** So that a driver reads at most about 3,300 deltas a second. */
const PEOPLE_PER_DRIVER = 500;

async function withSystem(setting: EndToEndSetting, people: number): Promise<ConversationLevel> {
  await using beside = await startPeople(Math.ceil(people / PEOPLE_PER_DRIVER));
  await using system = await startPerdure(setting, { provider: beside.providerUrl });
  return await measureConversations(setting, beside, system, people);
}

function meetsMarks({ firstTokensMs, gapsMs, failures }: ConversationLevel): boolean {
  return (
    failures === 0 &&
    summarize(firstTokensMs).p95 - MODEL_CALL_MS < MARKS.firstTokenMs &&
    summarize(gapsMs).p99 < MARKS.gapMs
  );
}

function figuresOf(level: ConversationLevel): Record<string, number> {
  const first = summarize(level.firstTokensMs);
  return {
    'first token p50 ms': first.p50 - MODEL_CALL_MS,
    'first token p95 ms': first.p95 - MODEL_CALL_MS,
    'gap p99 ms': summarize(level.gapsMs).p99,
    messages: first.count,
    unanswered: level.unanswered,
    failures: level.failures,
    ...level.load,
  };
}

function aimsOf(people: number, level: ConversationLevel): Aim[] {
  const values = figuresOf(level);
  const of = (name: string) => values[name] ?? Number.NaN;
  const where = `${people.toLocaleString('en')} conversations`;
  return [
    atMost(`first token beyond the model’s time, p95, ${where}`, of('first token p95 ms'), MARKS.firstTokenMs, ' ms'),
    atMost(`gap between deltas, p99, ${where}`, of('gap p99 ms'), MARKS.gapMs, ' ms'),
    atMost(`failed messages, ${where}`, level.failures, 0),
  ];
}
