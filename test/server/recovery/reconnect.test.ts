import { expect, onTestFinished, test } from 'vitest';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import { callJson, firstFrame, pathOf, readStream, type Caller, type Frame } from '../../support/gateway/http-calls.ts';
import { perdureHome } from '../../support/process/perdure-process.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const CUTS = 100;
const TIMEOUT_MS = 240_000;
/** Pieces of different lengths, thoughts, and a tool between two streams. */
const SCRIPT =
  '@think="Let me think about it, one thought after another." @chunks=60 @delay=15 @tool=note:{"mark":"m","ms":40} @then @chunks=60 @delay=15';

/** Two gateways and a worker, each a process of its own. */
async function twoGateways(): Promise<readonly [Caller, Caller]> {
  const { url, drop } = await createPostgresDatabase();
  onTestFinished(drop);
  const temporal = await privateTemporal();
  onTestFinished(() => temporal.stop());
  const home = perdureHome({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address });
  const [one, other] = await Promise.all([home.start('gateway'), home.start('gateway'), home.start('worker')]);
  return [
    { url: one.url, user: 'ann' },
    { url: other.url, user: 'ann' },
  ];
}

/** What a reader of the documented kind has: the text of each step, by `text.slice(0, offset) + delta`. */
class Text {
  /** Every text that a step had on its way, to be checked against its final one. */
  readonly drafts = new Map<string, string[]>();
  readonly final = new Map<string, string>();
  readonly #attempt = new Map<string, number>();

  take(event: StreamEvent): void {
    if (event.type === 'message.completed') this.final.set(`${event.runId} ${event.step}`, event.text);
    if (event.type !== 'message.delta') return;
    const step = `${event.runId} ${event.step}`;
    const drafts = this.drafts.get(step) ?? [];
    this.drafts.set(step, drafts);
    const highest = this.#attempt.get(step) ?? event.attempt;
    if (event.attempt < highest) return;
    this.#attempt.set(step, event.attempt);
    const known = event.attempt > highest ? '' : (drafts.at(-1) ?? '');
    // A piece beyond the end would leave a hole.
    if (event.offset > known.length) throw new Error(`A delta at ${event.offset} follows a text of ${known.length}.`);
    drafts.push(known.slice(0, event.offset) + event.delta);
  }

  /** The drafts that were not the beginning of what came out. */
  wrong(): string[] {
    return [...this.drafts].flatMap(([step, drafts]) =>
      drafts.filter((draft) => !this.final.get(step)?.startsWith(draft)),
    );
  }

  /** What the deltas alone came to, of each step. */
  byDeltas(): Map<string, string | undefined> {
    return new Map([...this.drafts].map(([step, drafts]) => [step, drafts.at(-1)]));
  }
}

/** The answer after which nothing comes. */
const LAST = 'that-is-all';
const isLast = (event: StreamEvent) => event.type === 'run.completed' && event.output === LAST;

const durable = (frames: readonly Frame[]) =>
  frames.filter(({ event }) => 'seq' in event).map(({ id, data }) => ({ id, data }));

test(
  'a stream cut 100 times and joined over two gateways is the uncut one, byte for byte, and its text is whole',
  async () => {
    const random = seededRandom(chooseSeed('cuts'));
    const gateways = await twoGateways();
    await callJson(gateways[0], 'POST', '/v1/sessions', { id: 's' });
    const uncut: Frame[] = [];
    const whole = new Text();
    const reading = readStream(gateways[0], 's', {}, (frame) => {
      uncut.push(frame);
      whole.take(frame.event);
      return isLast(frame.event);
    });

    const joined: Frame[] = [];
    const text = new Text();
    const cuts = { count: 0, inText: 0 };
    /** One connection, cut after some frames, or not any more; resolves with whether the last answer was read. */
    const readOn = async (): Promise<boolean> => {
      const frames = cuts.count < CUTS ? 1 + Math.floor(random() * 20) : Infinity;
      const upTo = joined.length + frames;
      const lastEventId = joined.findLast(({ id }) => id !== undefined)?.id;
      const from = lastEventId === undefined ? {} : { lastEventId: Number(lastEventId) };
      await readStream(gateways[cuts.count % 2 === 0 ? 0 : 1], 's', from, (frame) => {
        joined.push(frame);
        text.take(frame.event);
        return isLast(frame.event) || joined.length === upTo;
      });
      cuts.count += 1;
      const newest = joined.at(-1)?.event;
      if (newest?.type === 'message.delta') cuts.inText += 1;
      return newest !== undefined && isLast(newest);
    };
    const cutting = (async () => {
      while (!(await readOn()));
    })();
    // A reader that fails ends the test below; until then it must not pass for an error that nobody handles.
    for (const reader of [reading, cutting]) reader.catch(() => (cuts.count = CUTS));

    while (cuts.count < CUTS) {
      await callJson(gateways[1], 'POST', pathOf('s', 'messages'), { content: SCRIPT }, { prefer: 'wait=30' });
    }
    await callJson(gateways[1], 'POST', pathOf('s', 'messages'), { content: `@chunks=20 @delay=20` });
    await callJson(gateways[1], 'POST', pathOf('s', 'messages'), { content: `@echo=${LAST}` });
    await Promise.all([reading, cutting]);

    console.log(
      `${cuts.count} connections, ${cuts.inText} cut in the middle of a text; ${durable(uncut).length} durable events, ${uncut.length} frames uncut, ${joined.length} joined`,
    );
    expect(durable(joined)).toEqual(durable(uncut));
    expect(durable(joined).map(({ id }) => id)).toEqual(durable(joined).map((_, index) => String(index + 1)));
    expect(text.final).toEqual(whole.final);
    expect([...text.wrong(), ...whole.wrong()]).toEqual([]);
    // Uncut, nothing is missing: the deltas alone are the text. Of the last answer all of it is one piece, which a reader
    // that looked in the store just then need not be told any more.
    const streamed = (texts: Map<string, string | undefined>) => [...texts].filter(([, one]) => one !== LAST);
    expect(streamed(whole.byDeltas())).toEqual(streamed(whole.final));
    expect(cuts.inText).toBeGreaterThan(CUTS / 4);
  },
  TIMEOUT_MS,
);

test(
  'a late reader gets the text so far at once, where others read the session and where nobody does',
  async () => {
    const [read, unread] = await twoGateways();
    await callJson(read, 'POST', pathOf('s', 'messages'), { content: '@chunks=80 @delay=50' });
    await firstFrame(read, 's', () => true);
    let late: Promise<unknown> | undefined;
    const early = new Text();
    await readStream(read, 's', {}, ({ event }) => {
      early.take(event);
      if (event.type === 'message.delta' && event.offset > 20 && late === undefined) {
        late = Promise.all([readLate(read, event.offset), readLate(unread, event.offset)]);
        // Awaited below, when this stream is over.
        late.catch(() => {});
      }
      return endsRun(event.type);
    });
    expect(late).toBeDefined();
    await late;
    expect(early.byDeltas()).toEqual(early.final);
    expect(early.final.size).toBe(1);
  },
  TIMEOUT_MS,
);

/** The first delta carries at least the first `most` characters, from the beginning; with the others it makes the text. */
async function readLate(gateway: Caller, most: number): Promise<void> {
  const text = new Text();
  let first: StreamEvent | undefined;
  await readStream(gateway, 's', {}, ({ event }) => {
    if (event.type === 'message.delta') first ??= event;
    text.take(event);
    return endsRun(event.type);
  });
  if (first?.type !== 'message.delta') throw new Error('The late reader got no delta.');
  expect(first.offset).toBe(0);
  expect(first.delta.length).toBeGreaterThanOrEqual(most);
  expect(text.byDeltas()).toEqual(text.final);
}
