import type { PayloadCodec, SerializationContext } from '@temporalio/common';
import { cannotDecrypt, encryptionKeyOf } from '../contracts/codec/encrypted-payload.ts';

/** A payload is still encrypted after all codecs have decoded it. */
export class UnreadablePayloadError extends Error {
  override readonly name = 'UnreadablePayloadError';
  readonly keyId: string;

  constructor(keyId: string) {
    super(cannotDecrypt(keyId));
    this.keyId = keyId;
  }
}

/**
 * Checks what the other codecs of a data converter have decoded; it is the first of them, because codecs decode from the last to the
 * first. Throws an {@link UnreadablePayloadError} for a payload that is still encrypted, unless `tolerates` returns true.
 */
export function readablePayloads(
  tolerates: (keyId: string, context: SerializationContext | undefined) => boolean,
): PayloadCodec {
  return {
    encode: async (payloads) => payloads,
    decode: async (payloads, context) => {
      for (const payload of payloads) {
        const keyId = encryptionKeyOf(payload);
        if (keyId !== null && !tolerates(keyId, context)) throw new UnreadablePayloadError(keyId);
      }
      return payloads;
    },
  };
}
