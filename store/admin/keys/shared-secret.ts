import { randomBytes } from 'node:crypto';
import type { Db } from '../../db/db.ts';

/** For gateways: a random secret of 256 bits that all processes on a store share. The first call for a name creates it. */
export async function sharedSecret(db: Db, name: string): Promise<Uint8Array> {
  const [row] = await db.query<{ value: string }>(
    `INSERT INTO perdure.secrets (name, value) VALUES ($1, decode($2, 'hex'))
     ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING encode(value, 'hex') AS value`,
    [name, randomBytes(32).toString('hex')],
  );
  return Buffer.from(row?.value ?? '', 'hex');
}
