import { setTimeout as delay } from 'node:timers/promises';
import { gatewaySession, type GatewaySession } from './gateway-session.ts';
import { streamAnswer } from './streamed-answer.ts';

export interface FirstTokensInput {
  readonly url: string;
  readonly content: string;
  readonly count: number;
  /** Pause before each message, in ms. */
  readonly restMs: number;
  /** `new`: each message is the first one of a session. `known`: all are of one session, which has had a message before. */
  readonly sessions: 'new' | 'known';
}

/** The time until the first text of each answer, one after the other, in ms. */
export async function firstTokens({ url, content, count, restMs, sessions }: FirstTokensInput): Promise<number[]> {
  const known = gatewaySession(url);
  await streamAnswer(known, content);
  const times: number[] = [];
  while (times.length < count) {
    await delay(restMs);
    const talk = sessions === 'new' ? gatewaySession(url) : known;
    times.push((await streamAnswer(talk, content)).firstTokenMs);
  }
  return times;
}

export interface ReceiptsInput {
  readonly url: string;
  readonly content: string;
  readonly sessions: number;
  /** Messages of each session. */
  readonly messages: number;
}

/** The time until the receipt of each message, in ms. Each session sends its next message when it has the answer, which it reads from its event stream. */
export async function receipts({ url, content, sessions, messages }: ReceiptsInput): Promise<number[]> {
  const talks = Array.from({ length: sessions }, () => gatewaySession(url));
  await Promise.all(talks.map((talk) => talk.turn(content)));
  const times = await Promise.all(talks.map((talk) => receiptsOf(talk, content, messages)));
  return times.flat();
}

async function receiptsOf(talk: GatewaySession, content: string, count: number): Promise<number[]> {
  const closing = new AbortController();
  let answered = Promise.withResolvers<void>();
  // The stream begins with the events of the turn before.
  const caughtUp = answered.promise;
  await talk.events((types) => {
    if (types.includes('run.completed')) answered.resolve();
    if (types.includes('run.failed')) answered.reject(new Error('A run failed.'));
  }, closing.signal);
  await caughtUp;
  const times: number[] = [];
  while (times.length < count) {
    answered = Promise.withResolvers<void>();
    times.push(await talk.receipt(content));
    await answered.promise;
  }
  closing.abort();
  return times;
}
