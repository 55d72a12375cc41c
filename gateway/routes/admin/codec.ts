import type { PayloadCodec } from '@temporalio/common';
import { LRUCache } from 'lru-cache';
import { decodeRemote, encodeRemote } from '../../../codec/remote-codec.ts';
import { remotePayloadsSchema, type RemotePayloads } from '../../../contracts/codec/remote-codec.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import type { GatewayDeps } from '../../answers/gateway-deps.ts';
import type { Caller } from '../../http/caller.ts';
import { route, type Route } from '../../http/route.ts';

/** Characters of the namespace in an entry of the audit trail. */
const MAX_NAMESPACE = 200;

const headers = { 'X-Namespace': 'The namespace of the payloads, for the audit trail' };
const responses = { 200: { description: 'The payloads, in the same order', schema: remotePayloadsSchema } };

/** Temporal's protocol for remote codecs, which lets its UI and CLI show encrypted payloads to operators. `codecs`: those of the workers. */
export function codecRoutes({ db }: GatewayDeps, codecs: readonly PayloadCodec[]): Route[] {
  const audited = new LRUCache<string, true>({ max: 1_000, ttl: LIMITS.codecAuditMs.value });

  /** The UI sends a request for each payload that it shows, so one entry stands for all within a minute. */
  const audit = async ({ user: actor }: Caller, namespace: string): Promise<void> => {
    const reading = JSON.stringify([actor, namespace]);
    if (audited.has(reading)) return;
    await appendAudit(db, {
      actor,
      action: 'payloads.read',
      user: null,
      subject: namespace,
      sessionId: null,
      runId: null,
    });
    audited.set(reading, true);
  };
  const requireCodecs = (): void => {
    if (codecs.length > 0) return;
    const message = 'This gateway has no payload codec. Set PERDURE_CODEC_KEY, as for the workers.';
    throw new PerdureError('not_found', message);
  };

  return [
    route({
      method: 'post',
      path: '/v1/codec/decode',
      access: 'inspect',
      reserved: 'decode payloads',
      summary: 'For operators: decode payloads of Temporal, for its UI and CLI',
      headers,
      body: remotePayloadsSchema,
      bodyBytes: LIMITS.codecRequestBytes.value,
      responses,
      async handle({ caller, headers: given, body: { payloads } }) {
        requireCodecs();
        await audit(caller, (given.get('x-namespace') ?? 'unknown').slice(0, MAX_NAMESPACE));
        return responseWith(await decodeRemote(payloads, codecs));
      },
    }),
    route({
      method: 'post',
      path: '/v1/codec/encode',
      access: 'operate',
      reserved: 'encode payloads',
      summary: 'For operators: encode payloads that the UI or CLI of Temporal sends',
      headers,
      body: remotePayloadsSchema,
      bodyBytes: LIMITS.codecRequestBytes.value,
      responses,
      async handle({ body: { payloads } }) {
        requireCodecs();
        return responseWith(await encodeRemote(payloads, codecs));
      },
    }),
  ];
}

function responseWith(payloads: RemotePayloads['payloads']): Response {
  return Response.json({ payloads } satisfies RemotePayloads, { headers: { 'cache-control': 'no-store' } });
}
