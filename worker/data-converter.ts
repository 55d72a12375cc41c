import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { modulePath } from '../assets/package-files.ts';
import { readablePayloads } from '../codec/readable-payloads.ts';
import type { Log } from '../telemetry/log.ts';
import { PAYLOAD_CONVERTER } from './tuning.ts';

/** The failure converter of workers whose codecs encrypt. The workflow bundle has its own. */
const ENCODED_FAILURES = modulePath('workflows/converters/encoded-failures');

/** Ids of missing keys that a worker logs. Any Temporal client can name one. */
const MAX_LOGGED = 20;

/** Whether failures are written as payloads: with codecs, unless they only decrypt. */
export function encodesFailures(codecs: readonly PayloadCodec[] = []): boolean {
  return codecs.some((codec) => !('encrypts' in codec) || codec.encrypts === true);
}

/**
 * The data converter of every worker. What a worker of this deployment has encrypted, the arguments and results of activities,
 * has to be readable: without its key the task fails, and is repeated until a worker has it. What any Temporal client can send
 * reaches the workflow as undecodable, which it records and refuses.
 */
export function workerDataConverter(codecs: readonly PayloadCodec[] = [], log?: Pick<Log, 'error'>): DataConverter {
  const logged = new Set<string>();
  const report = (keyId: string): void => {
    if (logged.has(keyId) || logged.size >= MAX_LOGGED) return;
    logged.add(keyId);
    log?.error('A payload in Temporal is encrypted with a key that is not set', { codecKey: keyId });
  };
  const readable = readablePayloads((keyId, context) => {
    report(keyId);
    return context?.type !== 'activity';
  });
  return {
    payloadConverterPath: PAYLOAD_CONVERTER,
    ...(encodesFailures(codecs) ? { failureConverterPath: ENCODED_FAILURES } : {}),
    payloadCodecs: [readable, ...codecs],
  };
}
