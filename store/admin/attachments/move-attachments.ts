import { PerdureError } from '../../../contracts/errors.ts';
import type { AttachmentMove } from '../../../contracts/attachments/attachment-move.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import {
  locateContent,
  readContent,
  writeChunks,
  type AttachmentKey,
  type ContentLocation,
} from '../../attachments/attachment-content.ts';
import { chunksOf, MeasuredContent } from '../../attachments/measured-content.ts';
import {
  adoptContent,
  lockAttachments,
  planContent,
  releaseContents,
  removeContent,
} from '../../attachments/placed-content.ts';
import type { Db, Tx } from '../../db/db.ts';
import type { PlaceName } from '../../places/attachment-place.ts';
import { placeOf } from '../../places/attachment-places.ts';

/** Attachments that one statement lists. */
const BATCH = 100;

export interface MoveOptions {
  readonly to: 'database' | PlaceName;
  /** Begins behind this attachment. */
  readonly after: AttachmentKey | null;
  /** Ends after the attachment that is being moved when this has passed. */
  readonly forMs: number;
}

interface Candidate extends AttachmentKey {
  readonly size: number;
  readonly sha256: string;
}

type Moved = Omit<AttachmentMove, 'cursor'> & { readonly next: AttachmentKey | null };

/**
 * Moves the contents of attachments of all users to a place. Each is copied, checked by its hash, and then switched to in one
 * transaction; so it may be stopped at any time and repeated. Those that cannot be copied are reported and stay.
 */
export async function moveAttachments(db: Db, { to, after, forMs }: MoveOptions): Promise<Moved> {
  // Throws where it is not configured.
  if (to !== 'database') placeOf(db.places, to);
  const until = performance.now() + forMs;
  const failed: { id: string; user: string; reason: string }[] = [];
  let [moved, bytes, last] = [0, 0, after];
  for (;;) {
    const candidates = await listElsewhere(db, to, last);
    for (const candidate of candidates) {
      const { user, id } = candidate;
      last = { user, id };
      const reason = await moveOne(db, to, candidate);
      if (reason === null) [moved, bytes] = [moved + 1, bytes + candidate.size];
      else if (reason !== 'gone') failed.push({ id, user, reason });
      if (performance.now() < until) continue;
      return { moved, bytes, failed, next: last, ...(await countElsewhere(db, to, last)) };
    }
    if (candidates.length < BATCH) return { moved, bytes, failed, next: null, left: 0, leftBytes: 0 };
  }
}

const ELSEWHERE = `
   FROM perdure.attachments a LEFT JOIN perdure.attachment_contents c USING (content_key)
  WHERE a.complete AND coalesce(c.place, 'database') <> $1 AND (a.user_id, a.attachment_id) > ($2, $3)`;

function listElsewhere(db: Db, to: string, after: AttachmentKey | null): Promise<Candidate[]> {
  return db.query<Candidate>(
    `SELECT a.user_id AS user, a.attachment_id AS id, a.size::float8 AS size, a.sha256 ${ELSEWHERE}
      ORDER BY a.user_id, a.attachment_id LIMIT $4`,
    [to, after?.user ?? '', after?.id ?? '', BATCH],
  );
}

async function countElsewhere(db: Db, to: string, after: AttachmentKey): Promise<{ left: number; leftBytes: number }> {
  const [count] = await db.query<{ left: number; leftBytes: number }>(
    `SELECT count(*)::int AS "left", coalesce(sum(a.size), 0)::float8 AS "leftBytes" ${ELSEWHERE}`,
    [to, after.user, after.id],
  );
  return count ?? { left: 0, leftBytes: 0 };
}

/** Returns why it was not moved; null if it was. */
async function moveOne(db: Db, to: MoveOptions['to'], candidate: Candidate): Promise<string | null> {
  const from = await locateContent(db, candidate);
  if (from === undefined) return 'gone';
  try {
    const isMoved =
      to === 'database' ? await moveToDatabase(db, candidate, from) : await moveToPlace(db, to, candidate, from);
    return isMoved ? null : 'gone';
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return (await locateContent(db, candidate)) === undefined ? 'gone' : error.message;
  }
}

/** A content that is not what it was when it was uploaded. */
class UnreadableError extends Error {}

async function moveToPlace(db: Db, to: PlaceName, candidate: Candidate, from: ContentLocation): Promise<boolean> {
  const { user, sha256, size } = candidate;
  const place = placeOf(db.places, to);
  const known = await db.query(
    `SELECT FROM perdure.attachment_contents WHERE user_id = $1 AND place = $2 AND sha256 = $3`,
    [user, to, sha256],
  );
  const contentKey = known.length > 0 ? null : await planContent(db, user, to);
  try {
    if (contentKey !== null) {
      await copyChecked(db, candidate, (pieces) => place.write(contentKey, pieces));
    }
    const isSwitched = await db.transaction(async (tx) => {
      await lockAttachments(tx, user);
      const adopted = await adoptContent(tx, { user, place: to, contentKey, sha256, size });
      return adopted === null ? null : await switchTo(tx, candidate, from, adopted);
    });
    // The content that was there is not any more.
    return isSwitched ?? (await moveToPlace(db, to, candidate, from));
  } finally {
    // Does nothing if it was adopted.
    if (contentKey !== null) await removeContent(db, place, contentKey).catch(() => {});
  }
}

async function moveToDatabase(db: Db, candidate: Candidate, from: ContentLocation): Promise<boolean> {
  await copyChecked(db, candidate, (pieces) => writeChunks(db, candidate, pieces));
  return await db.transaction((tx) => switchTo(tx, candidate, from, null));
}

/** Returns false if the attachment has been removed, or moved by somebody else. */
async function switchTo(
  tx: Tx,
  { user, id }: AttachmentKey,
  from: ContentLocation,
  to: string | null,
): Promise<boolean> {
  const switched = await tx.query(
    `UPDATE perdure.attachments SET content_key = $3
      WHERE user_id = $1 AND attachment_id = $2 AND content_key IS NOT DISTINCT FROM $4 RETURNING 1`,
    [user, id, to, from?.contentKey ?? null],
  );
  if (switched.length === 0) return false;
  if (from !== null) await releaseContents(tx, [from.contentKey], LIMITS.uploadMs.value);
  else await tx.query(`DELETE FROM perdure.attachment_chunks WHERE user_id = $1 AND attachment_id = $2`, [user, id]);
  return true;
}

async function copyChecked(
  db: Db,
  candidate: Candidate,
  write: (pieces: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const { user, id, size, sha256 } = candidate;
  const content = chunksOf(readContent(db, { user, id }, { start: 0, end: size }), size);
  const measured = new MeasuredContent(content, async () => '');
  await write(measured.pieces());
  const found = await measured.result();
  if (found.sha256 === sha256 && found.size === size) return;
  throw new UnreadableError(
    found.size < size
      ? `only ${found.size} of its ${size} bytes are there`
      : 'its content does not have its hash any more',
  );
}

/** Throws `invalid_request` unless a process with these settings can move attachments to the place. */
export function requirePlace(db: Db, to: MoveOptions['to']): void {
  if (to === 'database' || db.places?.all.some(({ name }) => name === to) === true) return;
  throw new PerdureError(
    'invalid_request',
    `The place ${JSON.stringify(to)} is not configured. Set attachments.${to} in the deployment file, and restart the gateway and the workers.`,
  );
}
