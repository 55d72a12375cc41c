import { createHash } from 'node:crypto';

/** An entry of the audit trail as its hash covers it. Hashes are in hexadecimal; `at` has microseconds. */
export interface ChainedEntry {
  readonly seq: number;
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly user: string | null;
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly subject: string | null;
  readonly previousHash: string;
  readonly hash: string;
}

/** `previousHash` of the first entry. */
export const FIRST_AUDIT_HASH = '0'.repeat(64);

/** The hash that an entry must have: SHA-256 of the previous hash and the fields. The trigger `perdure.audit_chain` computes the same. */
export function auditHashOf(entry: Omit<ChainedEntry, 'hash'>): string {
  const { seq, id, at, actor, action, user, sessionId, runId, subject, previousHash } = entry;
  const fields = [String(seq), id, at, actor, action, user, sessionId, runId, subject];
  return createHash('sha256').update(previousHash, 'hex').update(fields.map(withLength).join('')).digest('hex');
}

/** With its length in bytes, so that no two entries have the same text. */
function withLength(value: string | null): string {
  return value === null ? '-' : `${Buffer.byteLength(value)}:${value}`;
}
