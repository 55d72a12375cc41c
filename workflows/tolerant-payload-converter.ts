import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { undecodable } from '../contracts/undecodable.ts';

/**
 * Temporal's default converter, but what it cannot decode becomes a marker instead of an exception. An
 * exception here would fail the workflow task, and so the session, for ever: anyone may signal it anything.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload: (payload: Payload) => {
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch (error) {
      return undecodable(error instanceof Error ? error.name : 'Error') as never;
    }
  },
};
