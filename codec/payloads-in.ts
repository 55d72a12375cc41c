import type { Payload, PayloadCodec } from '@temporalio/common';
import { readablePayloads, UnreadablePayloadError } from './readable-payloads.ts';

/** Every payload of a protobuf message, wherever it is. */
export function* payloadsIn(message: unknown): Generator<Payload> {
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return;
  if ('metadata' in message && 'data' in message && message.data instanceof Uint8Array) yield message as Payload;
  else for (const part of Object.values(message)) yield* payloadsIn(part);
}

/** Decodes payloads as Temporal's SDK does, from the last codec to the first. */
export async function decodePayloads(payloads: Payload[], codecs: readonly PayloadCodec[]): Promise<Payload[]> {
  let decoded = payloads;
  for (const codec of codecs.toReversed()) decoded = await codec.decode(decoded);
  return decoded;
}

/** The id of a key with which a payload of a message is encrypted, and which `codecs` do not have; null if they decrypt all. */
export async function missingKey(message: unknown, codecs: readonly PayloadCodec[] = []): Promise<string | null> {
  try {
    await decodePayloads([...payloadsIn(message)], [readablePayloads(() => false), ...codecs]);
    return null;
  } catch (error) {
    if (error instanceof UnreadablePayloadError) return error.keyId;
    throw error;
  }
}
