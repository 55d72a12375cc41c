import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startPackaged, startPostgres } from './postgres-server.ts';

const KINDS = { installed: startPostgres, packaged: startPackaged } as const;
const KIND_NAMES = ['installed', 'packaged'] as const;

test.for(KIND_NAMES)('a durable server, %s, flushes what it has acknowledged', { timeout: 60_000 }, async (kind) => {
  const server = await KINDS[kind]({ durable: true });
  const client = new Client({ connectionString: server.url });
  try {
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
    );
    expect(rows).toEqual([{ fsync: 'on', commit: 'on' }]);
  } finally {
    await client.end();
    await server.stop();
  }
});
