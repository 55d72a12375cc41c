import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { gatewaySession, type GatewaySession } from './gateway-session.ts';
import { streamAnswer } from './streamed-answer.ts';

export interface OverloadInput {
  readonly url: string;
  readonly content: string;
  /** Each has one session. */
  readonly users: number;
  /** Messages of all users together, whether or not the ones before have their answers. */
  readonly perSecond: number;
  readonly seconds: number;
  /** How long the answers are waited for after that, in ms. */
  readonly graceMs: number;
}

export interface OverloadOutput {
  /** From sending each accepted message until its answer was complete, in ms. */
  readonly answeredMs: readonly number[];
  /** From sending each refused message until the refusal, in ms. */
  readonly refusedMs: readonly number[];
  /** Refusals by HTTP status. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Refusals without `Retry-After`. */
  readonly withoutRetryAfter: number;
  /** Accepted messages that had no answer in the end. */
  readonly unanswered: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
  /** Answers that were complete while messages were being sent, after the first quarter of that time, per second. */
  readonly answersPerSecond: number;
  /** Time until the first text for a user who sends one message a second, each to a new session, in ms. Refused ones are left out. */
  readonly probesMs: readonly number[];
  readonly probesRefused: number;
}

export interface SaturateInput {
  readonly url: string;
  readonly content: string;
  readonly users: number;
  /** The time over which users begin, and as long again before anything is measured, in ms. */
  readonly rampMs: number;
  readonly measureMs: number;
}

/** Users with a session each, who send their next message as soon as they have the answer. */
export async function saturate(input: SaturateInput): Promise<{ turnsMs: readonly number[]; perSecond: number }> {
  const { url, content, users, rampMs, measureMs } = input;
  const began = performance.now();
  const [from, to] = [began + 2 * rampMs, began + 2 * rampMs + measureMs];
  const turnsMs: number[] = [];
  const talking = Array.from({ length: users }, async (_, index) => {
    await delay((rampMs / users) * index);
    const talk = gatewaySession(url);
    while (performance.now() < to) {
      const sentAt = performance.now();
      const { isAnswered, retryAfter } = await talk
        .send({ id: randomUUID(), content })
        .catch(() => ({ isAnswered: false, retryAfter: '1' }));
      const now = performance.now();
      if (isAnswered && now >= from && now < to) turnsMs.push(now - sentAt);
      if (!isAnswered) await delay(Number(retryAfter ?? 1) * 1_000);
    }
  });
  await Promise.all(talking);
  return { turnsMs, perSecond: turnsMs.length / (measureMs / 1_000) };
}

/** Messages at a steady rate from many users, each to their own session, and one message a second of a further user. */
export async function overload(input: OverloadInput): Promise<OverloadOutput> {
  const { url, content, users, perSecond, seconds, graceMs } = input;
  const talks = Array.from({ length: users }, () => gatewaySession(url));
  const counted = new Counts(seconds * 1_000);
  const leaving = new AbortController();
  const began = performance.now();
  const pending: Promise<void>[] = [];
  const probing = probe(url, content, seconds, leaving.signal);
  for (let sent = 0; sent < perSecond * seconds; sent += 1) {
    await delay(Math.max(0, began + (sent / perSecond) * 1_000 - performance.now()));
    const talk = talks[sent % users];
    if (talk) pending.push(counted.send(talk, content, leaving.signal));
  }
  const giveUp = setTimeout(() => leaving.abort(), graceMs);
  await Promise.all(pending);
  const probes = await probing;
  clearTimeout(giveUp);
  return { ...counted.output(), ...probes };
}

class Counts {
  readonly #began = performance.now();
  readonly #sendingMs: number;
  readonly #answeredMs: number[] = [];
  readonly #refusedMs: number[] = [];
  readonly #refusals: Record<string, number> = {};
  #withoutRetryAfter = 0;
  #unanswered = 0;
  #failures = 0;
  #firstFailure: string | undefined;
  #answersInTime = 0;

  constructor(sendingMs: number) {
    this.#sendingMs = sendingMs;
  }

  async send(talk: GatewaySession, content: string, signal: AbortSignal): Promise<void> {
    const sentAt = performance.now();
    try {
      const { status, retryAfter, isAnswered } = await talk.send({ id: randomUUID(), content }, signal);
      const now = performance.now();
      if (status === 429 || status === 503) {
        this.#refusedMs.push(now - sentAt);
        this.#refusals[status] = (this.#refusals[status] ?? 0) + 1;
        if (retryAfter === null) this.#withoutRetryAfter += 1;
      } else if (isAnswered) {
        this.#answeredMs.push(now - sentAt);
        const atMs = now - this.#began;
        if (atMs > this.#sendingMs / 4 && atMs <= this.#sendingMs) this.#answersInTime += 1;
      } else this.#fail(`The server returned ${status}.`);
    } catch (error) {
      if (signal.aborted) this.#unanswered += 1;
      else this.#fail((error as Error).message);
    }
  }

  #fail(message: string): void {
    this.#failures += 1;
    this.#firstFailure ??= message;
  }

  output(): Omit<OverloadOutput, 'probesMs' | 'probesRefused'> {
    return {
      answeredMs: this.#answeredMs,
      refusedMs: this.#refusedMs,
      refusals: this.#refusals,
      withoutRetryAfter: this.#withoutRetryAfter,
      unanswered: this.#unanswered,
      failures: this.#failures,
      firstFailure: this.#firstFailure,
      answersPerSecond: this.#answersInTime / ((this.#sendingMs * 0.75) / 1_000),
    };
  }
}

/** One message a second, each to a new session of a user of its own, which does not take part otherwise. */
async function probe(
  url: string,
  content: string,
  seconds: number,
  signal: AbortSignal,
): Promise<Pick<OverloadOutput, 'probesMs' | 'probesRefused'>> {
  const probesMs: number[] = [];
  let probesRefused = 0;
  const user = `probe-${randomUUID().slice(0, 8)}`;
  const probes: Promise<void>[] = [];
  for (let sent = 0; sent < seconds; sent += 1) {
    const talk = gatewaySession(url, randomUUID(), user);
    const began = performance.now();
    const read = streamAnswer(talk, content, () => {}, signal).then(
      ({ firstTokenMs }) => void probesMs.push(firstTokenMs),
      () => {
        if (signal.aborted) probesMs.push(performance.now() - began);
        else probesRefused += 1;
      },
    );
    probes.push(read);
    await delay(1_000);
  }
  await Promise.all(probes);
  return { probesMs, probesRefused };
}
