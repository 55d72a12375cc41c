import { LRUCache } from 'lru-cache';
import { LIMITS } from '../../contracts/limits.ts';
import { readContent } from '../../store/attachments/attachment-content.ts';
import type { Db } from '../../store/db/db.ts';

/** How long a content is kept that no call reads any more. */
const IDLE_MS = 10 * 60_000;

/** The beginning of a content, and whose it is. */
interface ContentPart {
  readonly user: string;
  readonly id: string;
  /** Of the whole content. */
  readonly sha256: string;
  /** Bytes from the beginning. */
  readonly end: number;
}

/** One for the process, whose memory it bounds. By user, so that nobody's content is returned for another's. */
const contents = new LRUCache<string, Buffer>({
  maxSize: LIMITS.attachmentCacheBytes.value,
  sizeCalculation: ({ length }) => length + 1,
  ttl: IDLE_MS,
  updateAgeOnGet: true,
});

/**
 * Reads the beginning of a content that a model is given, from the memory of this worker if it has been read before. Shorter
 * than `end` if the store does not have all of it; that is not kept.
 */
export async function readCached(db: Db, { user, id, sha256, end }: ContentPart): Promise<Buffer> {
  const key = JSON.stringify([user, sha256, end]);
  const cached = contents.get(key);
  if (cached !== undefined) return cached;
  const pieces: Buffer[] = [];
  for await (const piece of readContent(db, { user, id }, { start: 0, end })) pieces.push(piece);
  const content = Buffer.concat(pieces);
  if (content.length === end) contents.set(key, content);
  return content;
}
