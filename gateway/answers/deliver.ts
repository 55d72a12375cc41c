import { v7 as uuid } from 'uuid';
import { checkMessage } from '../../client/temporal/check-input.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { eventStream } from './event-stream.ts';
import { followMessage } from '../feed/follow.ts';
import type { Reader } from '../feed/reader.ts';
import type { GatewayParts } from './gateway-parts.ts';
import { hasEnded, readOutcome, waitForOutcome } from './message-outcome.ts';

/** Waiting longer is not offered: reconnecting to the events is cheap. */
const LONGEST_WAIT_S = 600;

/** A message on its way in: with an id, and how its sender wants to hear of the answer. */
export interface Delivery {
  readonly key: SessionKey;
  readonly input: MessageInput & { readonly id: string };
  /** True when the id was made here: no message can have it yet. */
  readonly isNew: boolean;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly submit: () => Promise<Receipt>;
}

/** The id is the body's, or the header `Idempotency-Key`, or a new one. */
export function withMessageId(
  input: MessageInput,
  headers: Headers,
): { input: MessageInput & { id: string }; isNew: boolean } {
  const header = headers.get('idempotency-key')?.replace(/^"(.*)"$/, '$1');
  if (header !== undefined && input.id !== undefined && header !== input.id) {
    throw new PerdureError(
      'invalid_request',
      `The header Idempotency-Key (${JSON.stringify(header.slice(0, 80))}) and the body's id (${JSON.stringify(input.id)}) differ. Send one of them.`,
    );
  }
  const given = input.id ?? header;
  const id = given ?? uuid();
  return { input: { ...checkMessage({ ...input, id }), id }, isNew: given === undefined };
}

/** Delivers and answers as asked: the run's events, the answer when it comes in time, or the receipt. */
export async function deliver(parts: GatewayParts, delivery: Delivery): Promise<Response> {
  if (acceptsEventStream(delivery.headers)) return deliverAndStream(parts, delivery);
  const seconds = waitOf(delivery.headers);
  if (seconds > 0) return deliverAndWait(parts, delivery, seconds);
  return Response.json(await delivery.submit(), { status: 202 });
}

export function acceptsEventStream(headers: Headers): boolean {
  return headers.get('accept')?.includes('text/event-stream') ?? false;
}

async function deliverAndStream({ db, feed }: GatewayParts, delivery: Delivery): Promise<Response> {
  const { key, input, signal } = delivery;
  // Opened before the message is sent, so that its first event comes live.
  const reader = await feed.open(key, { after: 'now', mayBeAbsent: true, follow: followMessage(input.id) });
  try {
    const isKnown = !delivery.isNew && (await readOutcome(db, key, input.id)) !== null;
    await delivery.submit();
    if (!isKnown) return eventStream(reader, signal);
  } catch (error) {
    reader.close();
    throw error;
  }
  reader.close();
  // A repeated message: its events lie somewhere before now.
  return eventStream(await feed.open(key, { after: 0, follow: followMessage(input.id) }), signal);
}

async function deliverAndWait(
  { db, feed }: GatewayParts,
  { key, input, isNew, signal, submit }: Delivery,
  seconds: number,
): Promise<Response> {
  const reader = await feed.open(key, { after: 'now', mayBeAbsent: true, durableOnly: true });
  const stop = stopping(reader, seconds, signal);
  try {
    const receipt = await submit();
    const earlier = isNew ? null : await readOutcome(db, key, input.id);
    const outcome = hasEnded(earlier) ? earlier : await waitForOutcome(db, key, input.id, reader);
    const headers = { 'preference-applied': `wait=${seconds}` };
    if (outcome === null) return Response.json(receipt, { status: 202, headers });
    return Response.json({ ...outcome, receipt }, { headers });
  } finally {
    stop();
    reader.close();
  }
}

/** Closes the reader when the time is over or the caller hangs up. */
function stopping(reader: Reader, seconds: number, signal: AbortSignal): () => void {
  const close = (): void => reader.close();
  const timer = setTimeout(close, seconds * 1_000);
  signal.addEventListener('abort', close, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', close);
  };
}

/** Seconds of `Prefer: wait=SECONDS`; 0 without it. A preference that is not understood is not one (RFC 7240). */
function waitOf(headers: Headers): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})/i.exec(headers.get('prefer') ?? '');
  return Math.min(Number(match?.[1] ?? 0), LONGEST_WAIT_S);
}
