import type { AuditBreak } from '../../contracts/admin/audit.ts';
import { auditHashOf, type ChainedEntry } from './audit-hash.ts';

/** A position in the chain: the number and the hash of an entry. */
export interface ChainPosition {
  readonly seq: number;
  readonly hash: string;
}

export interface VerifiedEntries {
  readonly verified: number;
  /** Entries that the retention has removed. */
  readonly removed: number;
  /** The last entry that fits. */
  readonly last: ChainPosition;
  readonly broken: AuditBreak | null;
}

/** An entry, and where entries before it are missing: the hash of the last one that the retention has removed. */
export interface AnchoredEntry extends ChainedEntry {
  readonly anchor: string | null;
}

/** Verifies consecutive entries that follow `start`, oldest first. Stops at the first entry that does not fit. */
export function verifyChain(start: ChainPosition, entries: readonly AnchoredEntry[]): VerifiedEntries {
  let last = start;
  let [verified, removed] = [0, 0];
  const broken = (seq: number, id: string | null, reason: AuditBreak['reason']): VerifiedEntries => ({
    verified,
    removed,
    last,
    broken: { seq, id, reason },
  });
  for (const entry of entries) {
    const { seq, id, previousHash, hash, anchor } = entry;
    const gap = seq - last.seq - 1;
    if (gap > 0 && anchor === null) return broken(last.seq + 1, null, 'missing');
    if (previousHash !== (gap > 0 ? anchor : last.hash)) return broken(seq, id, 'unlinked');
    if (hash !== auditHashOf(entry)) return broken(seq, id, 'changed');
    removed += gap;
    verified += 1;
    last = { seq, hash };
  }
  return { verified, removed, last, broken: null };
}

/** The newest entry as the store has recorded it, and its hash as an anchor if the retention has removed it. */
export interface RecordedHead extends ChainPosition {
  readonly anchor: string | null;
}

/** Verifies that the chain, verified up to `last`, ends with the recorded head. */
export function verifyHead({ last, ...counts }: VerifiedEntries, head: RecordedHead): VerifiedEntries {
  const broken = (seq: number, reason: AuditBreak['reason']): VerifiedEntries => ({
    ...counts,
    last,
    broken: { seq, id: null, reason },
  });
  const gap = head.seq - last.seq;
  if (gap > 0 && head.anchor === null) return broken(last.seq + 1, 'missing');
  if (gap < 0 || head.hash !== (gap > 0 ? head.anchor : last.hash)) return broken(head.seq, 'unlinked');
  return { ...counts, removed: counts.removed + gap, last: { seq: head.seq, hash: head.hash } };
}
