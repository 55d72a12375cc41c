import { PerdureError } from '../../contracts/errors.ts';
import { probeRedis } from '../../redis/probe-redis.ts';
import { tlsProblemOf } from '../../redis/tls-problem.ts';
import type { Finding } from './finding.ts';

/** Checks the Redis at REDIS_URL; none without it. Changes nothing. Redis is never needed, so that it is away is no problem but a note. */
export async function checkRedis(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const check = 'Redis';
  const url = env['REDIS_URL']?.trim();
  if (!url) return [];
  if (!env['DATABASE_URL']?.trim()) {
    const remedy = 'Set DATABASE_URL to use it, or leave REDIS_URL out.';
    return [{ check, state: 'note', found: 'REDIS_URL has no effect on the embedded store', remedy }];
  }
  try {
    return [{ check, ...describe(await probeRedis(url)) }];
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    return [{ check, state: 'problem', found: error.message, remedy: null }];
  }
}

function describe(probe: Awaited<ReturnType<typeof probeRedis>>): Omit<Finding, 'check'> {
  const at = `${probe.address} (REDIS_URL)`;
  switch (probe.kind) {
    case 'away': {
      const { found, remedy } = tlsProblemOf(probe.code) ?? {
        found: `does not respond (${probe.code})`,
        remedy: 'Check that it is running, and the host, the port and TLS (rediss://) in REDIS_URL.',
      };
      return {
        state: 'note',
        found: `${at} ${found}: live messages go over PostgreSQL, and contexts are read from the store`,
        remedy,
      };
    }
    case 'refused':
      return {
        state: 'problem',
        found: `${at} refuses the connection or a command (${probe.code})`,
        remedy: 'Correct user and password in REDIS_URL, or the access list of the user: see docs/redis.md.',
      };
    case 'responds': {
      const { version, maxMemoryBytes, policy } = probe;
      const found = `${at} responds, version ${version ?? 'unknown'}`;
      if (maxMemoryBytes === 0) {
        return {
          state: 'note',
          found: `${found}, without a limit of its memory`,
          remedy: 'Set maxmemory, and maxmemory-policy allkeys-lru: everything in it may be evicted.',
        };
      }
      if (policy === 'noeviction') {
        return {
          state: 'note',
          found: `${found}, which refuses writes when its memory is full`,
          remedy: 'Set maxmemory-policy allkeys-lru: everything in it may be evicted.',
        };
      }
      return { state: 'ok', found, remedy: null };
    }
  }
}
