import { z } from 'zod';
import { LIMITS } from '../limits.ts';

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]*={0,2}$/, 'must be base64');

/** A payload in protobuf's JSON: bytes are base64. */
export const remotePayloadSchema = z.looseObject({
  metadata: z.record(z.string(), base64).nullish(),
  data: base64.nullish(),
});
export type RemotePayload = z.infer<typeof remotePayloadSchema>;

/** Body of requests and responses in Temporal's protocol for remote codecs. */
export const remotePayloadsSchema = z.object({
  payloads: z.array(remotePayloadSchema).max(LIMITS.codecPayloads.value).default([]),
});
export type RemotePayloads = z.infer<typeof remotePayloadsSchema>;

/** Metadata of a payload that could not be decoded: the reason, for people. */
export const DECODE_ERROR = 'decode-error';
