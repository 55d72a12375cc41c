import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import type { Db } from '../../../store/db/db.ts';
import { CHUNK_BYTES, readContent } from '../../../store/attachments/attachment-content.ts';
import { readAttachment } from '../../../store/attachments/read-attachments.ts';
import { removeUnusedAttachments } from '../../../store/attachments/remove-unused.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { newKey, refused, send } from '../conversation.ts';

const limits = storageLimits();
const typeOf = async () => 'text/plain';

async function save(db: Db, user: string, content: Uint8Array, more: { readonly id?: string } = {}) {
  return await saveAttachment(db, { user, name: 'a.txt', typeOf, limits, ...more }, [content]);
}

async function contentOf(db: Db, user: string, id: string, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readContent(db, { user, id }, { start, end })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const fileOf = (attachmentId: string) =>
  ({ type: 'file', attachmentId, name: 'a.txt', contentType: 'text/plain', size: 3 }) as const;
const messageWith = (id: string, attachmentId: string) => ({ id, content: '', parts: [fileOf(attachmentId)] });

async function rowsOf(db: Db, user: string): Promise<{ attachments: number; chunks: number }> {
  const [row] = await db.query<{ attachments: number; chunks: number }>(
    `SELECT (SELECT count(*)::int FROM perdure.attachments WHERE user_id = $1) AS attachments,
            (SELECT count(*)::int FROM perdure.attachment_chunks WHERE user_id = $1) AS chunks`,
    [user],
  );
  return row as { attachments: number; chunks: number };
}

describeStores(DATABASES, (db) => {
  test('an attachment is read as it was saved, whole and in any range', async () => {
    const bytes = Buffer.from(Array.from({ length: 2 * CHUNK_BYTES + 10 }, (_, index) => (index * 31) % 256));
    const saved = await save(db(), 'ranges', bytes);
    expect(saved).toMatchObject({ name: 'a.txt', contentType: 'text/plain', size: bytes.length });
    expect(saved.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(await readAttachment(db(), 'ranges', saved.id)).toEqual(saved);
    const ranges = [
      [0, bytes.length],
      [CHUNK_BYTES - 2, CHUNK_BYTES + 2],
      [5, 6],
      [bytes.length - 1, bytes.length],
    ] as const;
    for (const [start, end] of ranges) {
      expect((await contentOf(db(), 'ranges', saved.id, start, end)).equals(bytes.subarray(start, end))).toBe(true);
    }
  });

  test('a content is written while it arrives: no more than two chunks of it are held', async () => {
    let written = 0;
    const counting: Db = {
      ...db(),
      query: async (sql, params) => {
        if (sql.includes('INSERT INTO perdure.attachment_chunks')) written += 1;
        return await db().query(sql, params);
      },
    };
    const behind: number[] = [];
    async function* content() {
      for (let sent = 0; sent < 12; sent += 1) {
        behind.push(sent - written);
        yield Buffer.alloc(CHUNK_BYTES, sent);
      }
    }
    await saveAttachment(counting, { user: 'streamed', name: 'a', typeOf, limits }, content());
    expect(Math.max(...behind)).toBeLessThanOrEqual(1);
  });

  test.each([
    [
      'is cut',
      async function* () {
        yield Buffer.alloc(CHUNK_BYTES + 1);
        throw new Error('reset');
      },
      'reset',
    ],
    [
      'is too large',
      async function* () {
        for (;;) yield Buffer.alloc(CHUNK_BYTES);
      },
      'limits.attachmentBytes',
    ],
  ] as const)('nothing remains of an upload that %s', async (_what, content, message) => {
    const user = `cut ${_what}`;
    const small = { ...limits, attachmentBytes: 3 * CHUNK_BYTES };
    await expect(saveAttachment(db(), { user, name: 'a', typeOf, limits: small }, content())).rejects.toThrow(message);
    expect(await rowsOf(db(), user)).toEqual({ attachments: 0, chunks: 0 });
  });

  test('an attachment that is not complete cannot be read', async () => {
    let seen: unknown;
    async function* content() {
      yield Buffer.alloc(CHUNK_BYTES);
      const [row] = await db().query<{ id: string }>(
        `SELECT attachment_id AS id FROM perdure.attachments WHERE user_id = 'partial'`,
      );
      seen = await readAttachment(db(), 'partial', row?.id ?? '').catch((error: unknown) => error);
    }
    await saveAttachment(db(), { user: 'partial', name: 'a', typeOf, limits }, content());
    expect(seen).toMatchObject({ code: 'not_found' });
  });

  test("a user's attachments together have a limit, and another user has another share", async () => {
    const small = { ...limits, attachmentBytesPerUser: 10 };
    const saveSmall = async (user: string) =>
      await saveAttachment(db(), { user, name: 'a', typeOf, limits: small }, [Buffer.alloc(6)]);
    await saveSmall('share');
    await expect(saveSmall('share')).rejects.toMatchObject({ code: 'too_large' });
    expect((await rowsOf(db(), 'share')).attachments).toBe(1);
    await saveSmall('share-of-another');
  });

  test('the same id is saved once', async () => {
    const first = await save(db(), 'twice', Buffer.from('one'), { id: 'att_same' });
    expect(await save(db(), 'twice', Buffer.from('one'), { id: 'att_same' })).toEqual(first);
    expect(await rowsOf(db(), 'twice')).toEqual({ attachments: 1, chunks: 1 });
  });

  test('an attachment goes with the last session that refers to it', async () => {
    const [a, b] = [newKey('refers'), newKey('refers')];
    const { id } = await save(db(), 'refers', Buffer.from('abc'));
    for (const key of [a, b]) await send(db(), key, messageWith('m1', id));
    await send(db(), a, messageWith('m2', id));
    await deleteSession(db(), a);
    expect(await rowsOf(db(), 'refers')).toEqual({ attachments: 1, chunks: 1 });
    await deleteSession(db(), b);
    expect(await rowsOf(db(), 'refers')).toEqual({ attachments: 0, chunks: 0 });
  });

  test('the store refuses to delete an attachment that a session refers to', async () => {
    const key = newKey('kept');
    const { id } = await save(db(), 'kept', Buffer.from('abc'));
    await send(db(), key, messageWith('m1', id));
    const deleted = db().query(`DELETE FROM perdure.attachments WHERE user_id = 'kept'`, []);
    await expect(deleted).rejects.toThrow('23503');
  });

  test('an archived session keeps its attachments', async () => {
    const key = newKey('archives');
    const { id } = await save(db(), 'archives', Buffer.from('abc'));
    await send(db(), key, messageWith('m1', id));
    await archiveSession(db(), key);
    await db().query(
      `UPDATE perdure.attachments SET created_at = now() - interval '3 days' WHERE user_id = 'archives'`,
    );
    await removeUnusedAttachments(db());
    expect(await rowsOf(db(), 'archives')).toEqual({ attachments: 1, chunks: 1 });
    await deleteSession(db(), key);
    expect(await rowsOf(db(), 'archives')).toEqual({ attachments: 0, chunks: 0 });
  });

  test('an attachment that nothing refers to is removed after a day, and not before', async () => {
    await save(db(), 'unused', Buffer.from('old'), { id: 'att_old' });
    await save(db(), 'unused', Buffer.from('new'), { id: 'att_new' });
    await db().query(
      `UPDATE perdure.attachments SET created_at = now() - interval '25 hours'
        WHERE user_id = 'unused' AND attachment_id = 'att_old'`,
    );
    expect(await removeUnusedAttachments(db())).toBe(1);
    expect((await readAttachment(db(), 'unused', 'att_new')).id).toBe('att_new');
  });

  test('a message to an attachment that is removed at the same moment is refused, and the session is as before', async () => {
    const key = newKey('removed');
    await send(db(), key, { id: 'm1', content: 'hello' });
    const refusal = await refused(db(), key, messageWith('m2', 'att_gone'));
    expect(refusal).toMatchObject({ code: 'invalid_request' });
    expect(refusal.detail).toContain('att_gone');
    const again = newKey('removed');
    expect(await refused(db(), again, messageWith('m1', 'att_gone'))).toMatchObject({ code: 'invalid_request' });
  });

  test("another user's attachment is none", async () => {
    const { id } = await save(db(), 'owner', Buffer.from('abc'));
    expect(await refused(db(), newKey('thief'), messageWith('m1', id))).toMatchObject({ code: 'invalid_request' });
  });

  test('a repeated message with parts gets its receipt, and another body under its id does not', async () => {
    const key = newKey('repeats');
    const [one, two] = [await save(db(), 'repeats', Buffer.from('1')), await save(db(), 'repeats', Buffer.from('2'))];
    const first = await send(db(), key, messageWith('m1', one.id));
    expect(await send(db(), key, messageWith('m1', one.id))).toMatchObject({ duplicate: true, receipt: first.receipt });
    expect(await refused(db(), key, messageWith('m1', two.id))).toMatchObject({ code: 'idempotency_conflict' });
    expect(await refused(db(), key, { id: 'm1', content: '' })).toMatchObject({ code: 'idempotency_conflict' });
  });
});
