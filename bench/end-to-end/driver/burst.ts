import { setTimeout as delay } from 'node:timers/promises';
import { durationMs, MESSAGE, type StreamedAnswer } from '../messages.ts';
import { gatewaySession } from './gateway-session.ts';
import { Readings, type ReadingsOutput } from './readings.ts';

export interface BurstInput {
  readonly url: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly answer: StreamedAnswer;
  /** How long the answers are waited for, beyond the model's time, in ms. */
  readonly graceMs: number;
}

export interface BurstOutput extends ReadingsOutput {
  /** From the last message until the last answer was complete, beyond the model's time, in ms; `graceMs` when some were not. */
  readonly drainedMs: number;
}

/** New sessions at a steady rate, each with one message, whether or not the ones before have their answers. */
export async function burst(input: BurstInput): Promise<BurstOutput> {
  const { url, perSecond, seconds, answer, graceMs } = input;
  const readings = new Readings(MESSAGE.stream(answer));
  readings.begin();
  const leaving = new AbortController();
  const began = performance.now();
  const reading: Promise<void>[] = [];
  for (let sent = 0; sent < perSecond * seconds; sent += 1) {
    await delay(Math.max(0, began + (sent / perSecond) * 1_000 - performance.now()));
    reading.push(readings.read(gatewaySession(url), leaving.signal));
  }
  const lastSentAt = performance.now();
  const giveUp = setTimeout(() => leaving.abort(), durationMs(answer) + graceMs);
  await Promise.all(reading);
  clearTimeout(giveUp);
  const drainedMs = Math.max(0, performance.now() - lastSentAt - durationMs(answer));
  return { ...readings.output(), drainedMs: leaving.signal.aborted ? graceMs : drainedMs };
}
