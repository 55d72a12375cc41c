import { randomUUID } from 'node:crypto';
import type { SessionSender } from '../client/temporal/session-sender.ts';
import type { StreamEvent } from '../contracts/events/event.ts';
import { endsRun } from '../contracts/events/event-traits.ts';
import type { MessageContent } from '../contracts/session/message.ts';
import type { SessionKey } from '../contracts/session/session-key.ts';
import type { Feed } from '../gateway/feed/feed.ts';
import type { Talk, TurnTimes } from './talk.ts';

export interface SessionTalk extends Talk {
  readonly key: SessionKey;
  turn(content: MessageContent): Promise<TurnTimes>;
}

interface Waiting {
  readonly began: number;
  firstDeltaMs: number | undefined;
  readonly resolve: (completedMs: number) => void;
  readonly reject: (error: Error) => void;
}

/** A new session. Messages are sent through Temporal; events are read like the gateway reads them. Default `user`: a new one. */
export function sessionTalk(
  sender: SessionSender,
  feed: Feed,
  user = `bench-${randomUUID().slice(0, 8)}`,
): SessionTalk {
  const key = { user, session: randomUUID() };
  const opened = feed.open(key, { after: 'now', mayBeAbsent: true });
  let waiting: Waiting | undefined;

  const take = (event: StreamEvent): void => {
    if (!waiting) return;
    if (event.type === 'message.delta') waiting.firstDeltaMs ??= performance.now() - waiting.began;
    if (!endsRun(event.type)) return;
    if (event.type === 'run.completed') waiting.resolve(performance.now() - waiting.began);
    else waiting.reject(new Error(`A turn ended as ${event.type}.`));
  };
  const read = async (): Promise<void> => {
    const reader = await opened;
    for (;;) {
      const frames = await reader.next();
      if (frames === null) return;
      for (const { event } of frames) if (event) take(event);
    }
  };
  void read().catch((error: Error) => waiting?.reject(error));

  return {
    key,
    async turn(content) {
      await opened;
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const began = performance.now();
      const current: Waiting = { began, firstDeltaMs: undefined, resolve, reject };
      waiting = current;
      const receipt = sender.submit(key, { content }).then(() => performance.now() - began);
      const [receiptMs, completedMs] = await Promise.all([receipt, promise]);
      waiting = undefined;
      const { firstDeltaMs } = current;
      return { receiptMs, completedMs, ...(firstDeltaMs === undefined ? {} : { firstDeltaMs }) } satisfies TurnTimes;
    },
    close: () => void opened.then((reader) => reader.close()),
  };
}
