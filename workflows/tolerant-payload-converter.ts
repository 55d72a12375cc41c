import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { encryptionKeyOf } from '../contracts/codec/encrypted-payload.ts';
import { undecodable, undecryptable } from '../contracts/undecodable.ts';

/**
 * Temporal's default converter, except that it decodes an invalid payload to a marker instead of throwing. An exception
 * here would fail the workflow task for ever, and any Temporal client can send an invalid payload.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: (payload: Payload) => {
    const keyId = encryptionKeyOf(payload);
    if (keyId !== null) return undecryptable(keyId) as never;
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch (error) {
      return undecodable(error instanceof Error ? error.name : 'Error') as never;
    }
  },
};
