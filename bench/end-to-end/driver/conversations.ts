import { setTimeout as delay } from 'node:timers/promises';
import { MESSAGE, type StreamedAnswer } from '../messages.ts';
import { gatewaySession } from './gateway-session.ts';
import { Readings, type ReadingsOutput } from './readings.ts';

export interface ConversationsInput {
  readonly url: string;
  readonly people: number;
  readonly answer: StreamedAnswer;
  /** From the end of an answer to the next message, in ms. */
  readonly thoughtMs: number;
  /** The time over which people begin, which is not measured, in ms. */
  readonly rampMs: number;
  readonly measureMs: number;
  /** How long first tokens are waited for after that, in ms. */
  readonly graceMs: number;
}

/** People who each send a message, read the answer, think, and send the next one. Marks `begin` and `end` of what is measured. */
export async function conversations(input: ConversationsInput, mark: (name: string) => void): Promise<ReadingsOutput> {
  const { url, people, answer, thoughtMs, rampMs, measureMs, graceMs } = input;
  const readings = new Readings(MESSAGE.stream(answer));
  const leaving = new AbortController();
  const pause = (ms: number) => delay(ms, undefined, { signal: leaving.signal }).catch(() => {});
  const talking = Array.from({ length: people }, async (_, person) => {
    await pause((rampMs / people) * person);
    const talk = gatewaySession(url);
    while (!leaving.signal.aborted) {
      await readings.read(talk, leaving.signal);
      await pause(thoughtMs);
    }
  });
  await delay(rampMs);
  readings.begin();
  mark('begin');
  await delay(measureMs);
  readings.end();
  mark('end');
  await readings.firstTokensWithin(graceMs);
  leaving.abort();
  await Promise.all(talking);
  return readings.output();
}
