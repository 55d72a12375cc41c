import { v7 as uuid } from 'uuid';
import { checkMessage } from '../../client/temporal/check-input.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { MessageInput } from '../../contracts/session/message.ts';
import type { ReceiptOfWaiting } from '../../contracts/session/waiting-receipt.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { eventStreamResponse } from './event-stream-response.ts';
import { acceptsEventStream } from '../http/accepts-event-stream.ts';
import type { OnCredentialEnd } from '../http/route.ts';
import { messageScope } from '../feed/event-scope.ts';
import type { Reader } from '../feed/reader.ts';
import type { AdmittedMessage } from './admit-message.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { withGeneratedId } from './with-generated-id.ts';
import { hasEnded, readOutcome, waitForOutcome, waitsForAnswer } from './message-outcome.ts';

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
  readonly disconnect: () => void;
  readonly onCredentialEnd: OnCredentialEnd;
  readonly admit: () => Promise<AdmittedMessage>;
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
  const generated = delivery.isNew ? delivery.input.id : undefined;
  return await withGeneratedId(generated, () => respondTo(deps, delivery));
}

async function respondTo(deps: GatewayDeps, delivery: DeliveryRequest): Promise<Response> {
  await deps.refuseOverload(delivery);
  if (acceptsEventStream(delivery.headers)) return deliverAndStream(deps, delivery);
  const seconds = waitSecondsOf(delivery.headers);
  if (seconds > 0) return deliverAndWait(deps, delivery, seconds);
  return Response.json((await delivery.admit()).receipt, { status: 202 });
}

async function deliverAndStream({ feed }: GatewayDeps, delivery: DeliveryRequest): Promise<Response> {
  const { key, input, signal, disconnect, onCredentialEnd, admit } = delivery;
  const start = { mayBeAbsent: true, scope: messageScope(input.id), onStalled: disconnect };
  // Opened before the message is admitted, so that no event is missed.
  const reader = await feed.open(key, { ...start, after: 'now' });
  const { receipt } = await admit().catch((error: unknown) => {
    reader.close();
    throw error;
  });
  const { seq } = receipt;
  if (seq === undefined || seq > reader.after)
    return eventStreamResponse({ signal, onCredentialEnd, open: async () => reader });
  // A repeated message: its events are in the past.
  reader.close();
  const after = seq - 1;
  return eventStreamResponse({ signal, onCredentialEnd, open: () => feed.open(key, { ...start, after }) });
}

async function deliverAndWait(
  { db, feed }: GatewayDeps,
  { key, input, signal, admit }: DeliveryRequest,
  seconds: number,
): Promise<Response> {
  const reader = await feed.open(key, { after: 'now', mayBeAbsent: true, durableOnly: true, kind: 'wait' });
  const stopTimer = closeOnTimeout(reader, seconds, signal);
  try {
    const { receipt, duplicate } = await admit();
    const earlier = duplicate ? await readOutcome(db, key, input.id) : null;
    const isSettled = hasEnded(earlier) || waitsForAnswer(earlier);
    const outcome = isSettled ? earlier : await waitForOutcome(db, key, receipt, reader);
    const headers = { 'preference-applied': `wait=${seconds}` };
    if (outcome === null) return Response.json(receipt, { status: 202, headers });
    if (waitsForAnswer(outcome)) {
      const { approvals, clientCalls } = outcome;
      const body: ReceiptOfWaiting = { ...receipt, status: 'waiting', approvals, clientCalls };
      return Response.json(body, { status: 202, headers });
    }
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
