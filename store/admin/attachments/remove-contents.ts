import { LIMITS } from '../../../contracts/limits.ts';
import { releaseContents } from '../../attachments/placed-content.ts';
import type { Db } from '../../db/db.ts';
import type { AttachmentPlace, PlaceName } from '../../places/attachment-place.ts';

/** How long the removal of a content waits that has failed. */
const RETRY_MS = 60_000;
/** Contents that one statement looks up. */
const BATCH = 500;
/** Keys are spread over so many folders, by their first two digits. */
export const FOLDERS = 256;

/**
 * For workers: removes contents whose removal is due from the places of this process. Safe to repeat and to run concurrently.
 * Returns how many were removed, at most `limit`; throws the first error of a place, after it has tried the others.
 */
export async function removeDueContents(db: Db, { limit = 100 }: { readonly limit?: number } = {}): Promise<number> {
  const places = new Map(db.places?.all.map((place) => [place.name, place]));
  if (places.size === 0) return 0;
  const due = await db.query<{ key: string; place: PlaceName }>(
    `UPDATE perdure.attachment_removals SET removing = true
      WHERE content_key IN (SELECT content_key FROM perdure.attachment_removals
                             WHERE due_at <= clock_timestamp() AND place IN (SELECT json_array_elements_text($1::json))
                             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING content_key AS key, place`,
    [JSON.stringify([...places.keys()]), limit],
  );
  const errors: unknown[] = [];
  for (const { key, place } of due) {
    try {
      await places.get(place)?.remove(key);
      await db.query(`DELETE FROM perdure.attachment_removals WHERE content_key = $1`, [key]);
    } catch (error) {
      errors.push(error);
      await postpone(db, key);
    }
  }
  if (errors.length > 0) throw errors[0];
  return due.length;
}

async function postpone(db: Db, key: string): Promise<void> {
  await db.query(
    `UPDATE perdure.attachment_removals SET due_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
      WHERE content_key = $1`,
    [key, RETRY_MS],
  );
}

/**
 * For workers: removes from one of the {@link FOLDERS} of every place what the store has no record of, and what writes that were
 * never completed have left, once it is a day old. Returns how many contents were removed.
 */
export async function removeOrphans(db: Db, folder: number): Promise<number> {
  const places = db.places?.all ?? [];
  if (places.length === 0) return 0;
  const [{ prefix } = { prefix: '' }] = await db.query<{ prefix: string }>(
    `SELECT prefix FROM perdure.attachment_key_prefix`,
  );
  const under = `${prefix}/${(folder % FOLDERS).toString(16).padStart(2, '0')}/`;
  await releaseUnused(db, under);
  const before = new Date(Date.now() - LIMITS.orphanedContentMs.value);
  let removed = 0;
  for (const place of places) {
    removed += await removeUnknown(db, place, under, before);
    await place.removeIncomplete(under, before);
  }
  return removed;
}

/** Contents whose attachments an older version of Perdure has removed. */
async function releaseUnused(db: Db, under: string): Promise<void> {
  const unused = await db.query<{ key: string }>(
    `SELECT content_key AS key FROM perdure.attachment_contents c
      WHERE content_key >= $1 AND content_key < $1 || '~'
        AND NOT EXISTS (SELECT FROM perdure.attachments a WHERE a.content_key = c.content_key)
      LIMIT $2`,
    [under, BATCH],
  );
  if (unused.length === 0) return;
  await db.transaction(async (tx) => {
    await releaseContents(
      tx,
      unused.map(({ key }) => key),
    );
  });
}

async function removeUnknown(db: Db, place: AttachmentPlace, under: string, before: Date): Promise<number> {
  let removed = 0;
  let keys: string[] = [];
  const flush = async (): Promise<void> => {
    for (const key of await unknownKeys(db, keys)) {
      await place.remove(key);
      removed += 1;
    }
    keys = [];
  };
  for await (const { key, writtenAt } of place.list(under)) {
    if (writtenAt >= before) continue;
    keys.push(key);
    if (keys.length === BATCH) await flush();
  }
  await flush();
  return removed;
}

async function unknownKeys(db: Db, keys: readonly string[]): Promise<readonly string[]> {
  if (keys.length === 0) return [];
  const rows = await db.query<{ key: string }>(
    `SELECT key FROM json_array_elements_text($1::json) key
      WHERE NOT EXISTS (SELECT FROM perdure.attachment_contents WHERE content_key = key)
        AND NOT EXISTS (SELECT FROM perdure.attachment_removals WHERE content_key = key)`,
    [JSON.stringify(keys)],
  );
  return rows.map(({ key }) => key);
}
