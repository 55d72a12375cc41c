import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage } from '../../live/live-channel.ts';

/** What a subscriber heard, in order. */
export interface Heard {
  readonly messages: readonly LiveMessage[];
  /** The deltas, joined by their offsets. */
  text(): string;
  /** Resolves when a message like this has been heard. */
  until(like: (message: LiveMessage) => boolean): Promise<void>;
  close(): void;
}

export async function listenTo(channel: LiveChannel, key: SessionKey): Promise<Heard> {
  const messages: LiveMessage[] = [];
  const waiting = new Set<() => void>();
  const subscription = await channel.subscribe(key, (message) => {
    messages.push(message);
    for (const look of waiting) look();
  });
  return {
    messages,
    text: () =>
      messages.reduce(
        (text, message) =>
          message.kind === 'live' && message.event.type === 'message.delta'
            ? text.slice(0, message.event.offset) + message.event.delta
            : text,
        '',
      ),
    async until(like) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (messages.some(like)) resolve();
        };
        waiting.add(look);
        look();
      });
    },
    close: () => subscription.close(),
  };
}

export function delta(runId: string, offset: number, text: string): LiveMessage {
  const event = { type: 'message.delta', at: '2026-01-01T00:00:00.000Z', sessionId: 'main', runId } as const;
  return { kind: 'live', event: { ...event, step: 1, attempt: 1, offset, delta: text } };
}
