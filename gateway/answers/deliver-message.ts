import { v7 as uuid } from 'uuid';
import { checkMessage } from '../../client/temporal/check-input.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput, Receipt } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { eventStreamResponse } from './event-stream-response.ts';
import { messageScope } from '../feed/event-scope.ts';
import type { Reader } from '../feed/reader.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { hasEnded, readOutcome, waitForOutcome } from './message-outcome.ts';

/** Longer waits are pointless: reconnecting to the event stream is cheap. */
const MAX_WAIT_S = 600;

/** A message to deliver, and the request's headers, which select the form of the response. */
export interface DeliveryRequest {
  readonly key: SessionKey;
  readonly input: MessageInput & { readonly id: string };
  /** True when the id was generated here, so that no message can have it yet. */
  readonly isNew: boolean;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly submit: () => Promise<Receipt>;
}

/** Validates the message and sets its id: the body's, the header `Idempotency-Key`, or a new one. */
export function assignMessageId(
  input: MessageInput,
  headers: Headers,
): { input: MessageInput & { id: string }; isNew: boolean } {
  const header = headers.get('idempotency-key')?.replace(/^"(.*)"$/, '$1');
  if (header !== undefined && input.id !== undefined && header !== input.id) {
    throw new PerdureError(
      'invalid_request',
      `The header Idempotency-Key (${JSON.stringify(header.slice(0, 80))}) and the body's id (${JSON.stringify(input.id)}) differ. Send only one.`,
    );
  }
  const given = input.id ?? header;
  const id = given ?? uuid();
  return { input: { ...checkMessage({ ...input, id }), id }, isNew: given === undefined };
}

/** Delivers a message. Responds with the run's events, with the answer if it is complete in time, or with the receipt, depending on the headers. */
export async function deliverMessage(deps: GatewayDeps, delivery: DeliveryRequest): Promise<Response> {
  if (acceptsEventStream(delivery.headers)) return deliverAndStream(deps, delivery);
  const seconds = waitSecondsOf(delivery.headers);
  if (seconds > 0) return deliverAndWait(deps, delivery, seconds);
  return Response.json(await delivery.submit(), { status: 202 });
}

export function acceptsEventStream(headers: Headers): boolean {
  return headers.get('accept')?.includes('text/event-stream') ?? false;
}

async function deliverAndStream({ db, feed }: GatewayDeps, delivery: DeliveryRequest): Promise<Response> {
  const { key, input, signal } = delivery;
  // Opened before the message is sent, so that no event is missed.
  const reader = await feed.open(key, { after: 'now', mayBeAbsent: true, scope: messageScope(input.id) });
  try {
    const isKnown = !delivery.isNew && (await readOutcome(db, key, input.id)) !== null;
    await delivery.submit();
    if (!isKnown) return eventStreamResponse(reader, signal);
  } catch (error) {
    reader.close();
    throw error;
  }
  reader.close();
  // A repeated message: its events may be anywhere in the past.
  return eventStreamResponse(await feed.open(key, { after: 0, scope: messageScope(input.id) }), signal);
}

async function deliverAndWait(
  { db, feed }: GatewayDeps,
  { key, input, isNew, signal, submit }: DeliveryRequest,
  seconds: number,
): Promise<Response> {
  const reader = await feed.open(key, { after: 'now', mayBeAbsent: true, durableOnly: true });
  const stopTimer = closeOnTimeout(reader, seconds, signal);
  try {
    const receipt = await submit();
    const earlier = isNew ? null : await readOutcome(db, key, input.id);
    const outcome = hasEnded(earlier) ? earlier : await waitForOutcome(db, key, input.id, reader);
    const headers = { 'preference-applied': `wait=${seconds}` };
    if (outcome === null) return Response.json(receipt, { status: 202, headers });
    return Response.json({ ...outcome, receipt }, { headers });
  } finally {
    stopTimer();
    reader.close();
  }
}

/** Closes the reader on timeout or when the caller disconnects. Returns the clean-up function. */
function closeOnTimeout(reader: Reader, seconds: number, signal: AbortSignal): () => void {
  const close = (): void => reader.close();
  const timer = setTimeout(close, seconds * 1_000);
  signal.addEventListener('abort', close, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', close);
  };
}

/** Seconds of `Prefer: wait=SECONDS`; 0 without it. Unknown preferences are ignored (RFC 7240). */
function waitSecondsOf(headers: Headers): number {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})/i.exec(headers.get('prefer') ?? '');
  return Math.min(Number(match?.[1] ?? 0), MAX_WAIT_S);
}
