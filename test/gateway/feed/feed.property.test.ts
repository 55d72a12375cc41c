import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFeed, type Feed } from '../../../gateway/feed/feed.ts';
import { CheckingReader } from './checking-reader.ts';
import { KEY, lossyEnd, SessionWorld } from './session-world.ts';

type Action =
  | { readonly do: 'stream'; readonly length: number }
  | { readonly do: 'retry' | 'commit'; readonly flag: boolean }
  | { readonly do: 'receive' | 'settle' | 'publishLate' }
  | { readonly do: 'join'; readonly gateway: number; readonly after: number }
  | { readonly do: 'move'; readonly reader: number; readonly gateway: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('stream' as const), length: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'commit' as const), flag: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('receive' as const, 'publishLate' as const, 'settle' as const, 'settle' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      gateway: fc.nat({ max: 1 }),
      // Half of the readers start at the first event, which allows more checks.
      after: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('move' as const), reader: fc.nat({ max: 9 }), gateway: fc.nat({ max: 1 }) }),
  },
);

const actions = fc.array(action, { minLength: 10, maxLength: 80, size: 'max' });

/** A running reader. It can be cut, and continues at another gateway after its last event. */
class Client {
  readonly checks: CheckingReader;
  #feed: Feed;
  #cut: () => void = () => undefined;
  readonly done: Promise<void>;

  constructor(feed: Feed, after: number) {
    this.checks = new CheckingReader(after);
    this.#feed = feed;
    this.done = this.#work();
  }

  move(feed: Feed): void {
    this.#feed = feed;
    this.#cut();
  }

  async #work(): Promise<void> {
    for (let done = false; !done;) {
      const feed = this.#feed;
      const reader = await feed.open(KEY, { after: this.checks.lastSeq });
      this.#cut = () => reader.close();
      if (feed !== this.#feed) reader.close();
      done = await this.checks.readUntil(reader, (event) => event.type === 'session.ended');
      reader.close();
    }
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => void setImmediate(resolve));
}

async function play(script: readonly Action[], losses: readonly boolean[]): Promise<void> {
  const world = new SessionWorld();
  let drawn = 0;
  const loses = (): boolean => losses.length > 0 && losses[drawn++ % losses.length] === true;
  const feeds = [0, 1].map(() =>
    createFeed({ store: world.store, live: lossyEnd(world.live, loses), pollMs: 1, commentMs: 5 }),
  );
  const feedOf = (gateway: number): Feed => feeds[gateway] as Feed;
  const clients = [new Client(feedOf(0), 0)];
  for (const step of script) {
    if (step.do === 'stream') world.stream(step.length);
    else if (step.do === 'retry') world.retry(step.flag);
    else if (step.do === 'commit') world.commit(step.flag);
    else if (step.do === 'receive') world.receive();
    else if (step.do === 'publishLate') world.publishLate();
    else if (step.do === 'join') clients.push(new Client(feedOf(step.gateway), Math.floor(step.after * world.head)));
    else if (step.do === 'move') clients[step.reader % clients.length]?.move(feedOf(step.gateway));
    else await settle();
  }
  world.finish();
  try {
    for (const { done, checks } of clients) {
      await done;
      const [first] = checks.durable;
      expect(checks.durable).toEqual(world.events.slice((first?.seq ?? 1) - 1));
    }
    expect(feeds.map((feed) => feed.readers)).toEqual([0, 0]);
  } finally {
    for (const feed of feeds) feed.close();
  }
}

test('over a channel that loses messages every reader gets each event once and in order, and only text that fits', async () => {
  const losses = fc.array(fc.boolean(), { minLength: 7, maxLength: 60 }).filter((drawn) => drawn.includes(false));
  const property = fc.asyncProperty(actions, losses, play);
  await expect(fc.assert(property, { numRuns: 300 })).resolves.toBeUndefined();
});

test('the same holds over a channel that loses nothing', async () => {
  const property = fc.asyncProperty(actions, async (script) => play(script, []));
  await expect(fc.assert(property, { numRuns: 200 })).resolves.toBeUndefined();
});
