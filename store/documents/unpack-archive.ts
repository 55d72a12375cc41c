import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionExportSchema, type SessionExport } from '../../contracts/session/session-export.ts';
import { sanitizeJson } from '../db/sanitize.ts';
import { chunkRows, type TableChunks } from './row-chunks.ts';

/** What is needed of a document that this store has written, by any version of it: its settings may be valid no longer. */
const archiveSchema = z.object({
  session: sessionExportSchema.shape.session.pick({ status: true, head: true }),
  agentVersions: z.array(z.unknown()),
  tables: sessionExportSchema.shape.tables,
});

export interface UnpackArchive {
  readonly data: Uint8Array;
  readonly messageIds: readonly string[];
}

/** An archive as rows to insert. */
export interface UnpackedArchive {
  readonly status: SessionExport['session']['status'];
  /** `seq` of its newest event. */
  readonly head: number;
  /** The agent versions that runs have pinned, as a JSON array. */
  readonly agentVersions: string;
  readonly tables: readonly TableChunks[];
  /** The rows of the requested messages, as a JSON array. */
  readonly messages: string;
}

/** Decompresses and parses an archive of this store. Slow for a large one: call it in another process (`document-process.ts`). */
export function unpackArchive({ data, messageIds }: UnpackArchive): UnpackedArchive {
  const text = gunzipSync(data, { maxOutputLength: 2 * LIMITS.exportBytes.value }).toString('utf8');
  const { session, agentVersions, tables } = archiveSchema.parse(JSON.parse(text));
  const wanted = new Set<unknown>(messageIds);
  const messages = (tables['messages'] ?? []).filter((row) => wanted.has(row['message_id']));
  return {
    status: session.status,
    head: session.head,
    agentVersions: sanitizeJson(agentVersions).text,
    tables: Object.entries(tables).map(([name, rows]) => chunkRows(name, rows)),
    messages: JSON.stringify(messages),
  };
}
