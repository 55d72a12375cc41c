import type { Payload, PayloadCodec } from '@temporalio/common';
import { cannotDecrypt, encryptionKeyOf } from '../contracts/codec/encrypted-payload.ts';
import { DECODE_ERROR, type RemotePayload } from '../contracts/codec/remote-codec.ts';
import { decodePayloads } from './payloads-in.ts';

/**
 * Decodes payloads for Temporal's UI and CLI. One that cannot be decrypted is returned as it was, with the reason in its metadata:
 * they would show nothing of a whole page if one payload were an error.
 */
export async function decodeRemote(
  payloads: readonly RemotePayload[],
  codecs: readonly PayloadCodec[],
): Promise<RemotePayload[]> {
  const decoded = await decodePayloads(payloads.map(fromRemote), codecs);
  return payloads.map((given, index) => {
    const payload = decoded[index] as Payload;
    const keyId = encryptionKeyOf(payload);
    if (keyId === null) return toRemote(payload);
    const reason = Buffer.from(cannotDecrypt(keyId)).toString('base64');
    return { ...given, metadata: { ...given.metadata, [DECODE_ERROR]: reason } };
  });
}

/** Encodes payloads that Temporal's UI and CLI are about to send. */
export async function encodeRemote(
  payloads: readonly RemotePayload[],
  codecs: readonly PayloadCodec[],
): Promise<RemotePayload[]> {
  let encoded = payloads.map(fromRemote);
  for (const codec of codecs) encoded = await codec.encode(encoded);
  return encoded.map(toRemote);
}

function fromRemote({ metadata, data }: RemotePayload): Payload {
  const entries = Object.entries(metadata ?? {});
  return {
    metadata: Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
    data: Buffer.from(data ?? '', 'base64'),
  };
}

function toRemote({ metadata, data }: Payload): RemotePayload {
  const entries = Object.entries(metadata ?? {});
  return {
    metadata: Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
    data: Buffer.from(data ?? []).toString('base64'),
  };
}
