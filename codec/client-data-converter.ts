import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { readablePayloads } from './readable-payloads.ts';

/**
 * The data converter of every Temporal client. What cannot be decrypted is an `UnreadablePayloadError`, which names the key. Failures need no converter
 * of their own: the SDK's decodes encoded ones.
 */
export function clientDataConverter(codecs: readonly PayloadCodec[] = []): DataConverter {
  return { payloadCodecs: [readablePayloads(() => false), ...codecs] };
}
