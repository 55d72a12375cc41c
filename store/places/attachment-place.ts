import type { ByteRange } from '../../core/attachments/byte-range.ts';

/** Where contents of attachments can be: `database` is the store itself, the others are {@link AttachmentPlace}s. */
export type PlaceName = 'folder' | 's3';

/** A content in a place, and when it was last written. */
export interface PlacedContent {
  readonly key: string;
  readonly writtenAt: Date;
}

/**
 * A place outside the database for the contents of attachments. Keys consist of letters, digits, hyphens and slashes. Methods
 * throw `store_unavailable` when the place fails.
 */
export interface AttachmentPlace {
  readonly name: PlaceName;
  /** The place in messages, such as `the folder /var/lib/attachments`. */
  readonly description: string;
  /**
   * Writes a content as it arrives. It can be read once this resolves; where it rejects, an incomplete part may remain until
   * {@link remove}. An error of `content` itself is passed on unchanged.
   */
  write(key: string, content: AsyncIterable<Buffer>): Promise<void>;
  /** Reads a range, piece by piece. Ends early if there is no such content. */
  read(key: string, range: ByteRange): AsyncGenerator<Buffer>;
  /** Does nothing when there is no such content. */
  remove(key: string): Promise<void>;
  /** Lists the contents whose keys begin with `prefix`, which ends with a slash. */
  list(prefix: string): AsyncGenerator<PlacedContent>;
  /** Removes what writes that were never completed have left, if they began before `before`. */
  removeIncomplete(prefix: string, before: Date): Promise<void>;
  close(): void;
}
