import { inTime } from './in-time.ts';
import { newRedisClient } from './redis-connection.ts';
import { parseRedisUrl } from './redis-url.ts';
import { codeOf } from './tls-problem.ts';

const PROBE_MS = 3_000;

export type RedisProbe = { readonly address: string } & (
  | {
      readonly kind: 'responds';
      readonly version: string | null;
      /** 0: without a limit. Null: unknown. */
      readonly maxMemoryBytes: number | null;
      readonly policy: string | null;
    }
  /** `code`: of the system, of TLS or of Redis. */
  | { readonly kind: 'away' | 'refused'; readonly code: string }
);

/** Connects to a Redis and reads its state. Changes nothing. Throws `invalid_request` for an invalid URL. */
export async function probeRedis(redisUrl: string): Promise<RedisProbe> {
  const { url, address } = parseRedisUrl(redisUrl);
  const client = newRedisClient(url);
  client.on('error', () => {});
  try {
    const info = await inTime(
      PROBE_MS,
      client.connect().then(() => client.info()),
    );
    const field = (name: string): string | null => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;
    const memory = field('maxmemory');
    return {
      address,
      kind: 'responds',
      version: field('valkey_version') ?? field('redis_version'),
      maxMemoryBytes: memory === null ? null : Number(memory),
      policy: field('maxmemory_policy'),
    };
  } catch (error) {
    return { address, ...failureOf(error) };
  } finally {
    if (client.isOpen) client.destroy();
  }
}

/** Describes an error by its code only. Redis begins its errors with one. */
function failureOf(error: unknown): { readonly kind: 'away' | 'refused'; readonly code: string } {
  const message = error instanceof Error ? error.message : '';
  const refused = /^(?:NOAUTH|WRONGPASS|NOPERM|DENIED|ERR)\b/.exec(message)?.[0];
  return refused ? { kind: 'refused', code: refused } : { kind: 'away', code: codeOf(error) };
}
