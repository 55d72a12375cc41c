import { PerdureError } from '../../contracts/errors.ts';
import { messageInputSchema, type MessageInput } from '../../contracts/session/message.ts';
import type { AdmissionVerdict, MessageDelivery } from '../shared/contract.ts';
import { parse } from '../shared/command-failure.ts';

/** A valid message with its id, or why the delivery is refused. */
export type ValidatedDelivery =
  | { readonly message: MessageInput & { id: string } }
  | { readonly refusal: Extract<AdmissionVerdict, { ok: false }> };

/** Validates a delivery against the message schema: the first stage of admission. The store decides about valid messages and commits them. */
export function validateDelivery({ input, via, fallbackId }: MessageDelivery): ValidatedDelivery {
  if (via === 'unknown-signal') {
    return {
      refusal: invalid('invalid_request', `There is no signal ${JSON.stringify(String(input).slice(0, 100))}.`),
    };
  }
  try {
    const message = parse(messageInputSchema, input);
    return { message: { ...message, id: message.id ?? fallbackId } };
  } catch (error) {
    if (error instanceof PerdureError) return { refusal: invalid(error.code, error.message) };
    throw error;
  }
}

function invalid(code: PerdureError['code'], detail: string): Extract<AdmissionVerdict, { ok: false }> {
  return { ok: false, code, detail, retryAfterMs: null };
}
