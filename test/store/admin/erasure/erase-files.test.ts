import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { storageLimits } from '../../../../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../../../../contracts/errors.ts';
import { eraseAttachments } from '../../../../store/admin/erasure/erase-attachments.ts';
import { countUserRows, eraseRows } from '../../../../store/admin/erasure/erase-rows.ts';
import { eraseSessions } from '../../../../store/admin/erasure/erase-sessions.ts';
import { beginErasure, endErasure, readErasure } from '../../../../store/admin/erasure/erasures.ts';
import { removeDueArchiveFiles } from '../../../../store/admin/sweeps/remove-archive-files.ts';
import { planContent, releaseContents } from '../../../../store/attachments/placed-content.ts';
import { saveAttachment } from '../../../../store/attachments/save-attachment.ts';
import type { Db } from '../../../../store/db/db.ts';
import { openStore } from '../../../../store/open-store.ts';
import { placeOf } from '../../../../store/places/attachment-places.ts';
import { adoptArchiveFile, planArchiveFile } from '../../../../store/db/archive-files.ts';
import { archiveSession } from '../../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../../store/sessions/delete-session.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { converse, newKey } from '../../conversation.ts';

const never = new AbortController().signal;

async function away(): Promise<never> {
  throw new PerdureError('store_unavailable', 'The folder is away.');
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** An embedded store with folders. `fails`: whether the archive folder does. */
async function store(fails: () => boolean = () => false) {
  const folder = await temporaryFolder();
  const [archives, attachments] = [join(folder, 'archives'), join(folder, 'attachments')];
  const opened = await openStore({ archivesDir: archives, attachments: { store: 'folder', folder: attachments } });
  onTestFinished(() => opened.close());
  const archiveFolder = opened.archives;
  if (archiveFolder === undefined) throw new Error('There is no archive folder.');
  const db: Db = Object.assign(Object.create(opened) as Db, {
    archives: { ...archiveFolder, remove: (id: string) => (fails() ? away() : archiveFolder.remove(id)) },
  });
  return { db, archives: () => filesIn(archives), attachments: () => filesIn(attachments) };
}

async function archived(db: Db, user: string) {
  const key = newKey(user);
  await converse(db, key, 'm1');
  await archiveSession(db, key);
  return key;
}

async function erase(db: Db, user: string) {
  const { id } = await beginErasure(db, user);
  for (const one of [eraseSessions, eraseAttachments, eraseRows]) await one(db, { id, user }, never);
  return id;
}

test('the files of archives are erased, and also those of sessions that were deleted while the folder was away', async () => {
  let isAway = false;
  const { db, archives } = await store(() => isAway);
  await archived(db, 'ada');
  const deleted = await archived(db, 'ada');
  await archived(db, 'bob');
  isAway = true;
  await deleteSession(db, deleted);
  expect(await archives()).toHaveLength(3);
  await expect(erase(db, 'ada')).rejects.toMatchObject({ code: 'store_unavailable' });
  isAway = false;
  const id = await erase(db, 'ada');
  expect(await archives()).toHaveLength(1);
  expect(await countUserRows(db, 'ada')).toEqual({});
  await endErasure(db, id);
  expect((await readErasure(db, id))?.counts).toMatchObject({ 'files.archives': 1, 'rows.sessions': 1 });
}, 60_000);

test('a file whose removal has failed, or whose writer has died, is removed by upkeep when it is due', async () => {
  let isAway = true;
  const { db, archives } = await store(() => isAway);
  await deleteSession(db, await archived(db, 'ada'));
  await planArchiveFile(db, newKey('ada'), 'abandoned');
  await db.archives?.write('abandoned', Buffer.from('x'));
  await expect(removeDueArchiveFiles(db)).rejects.toMatchObject({ code: 'store_unavailable' });
  isAway = false;
  await db.query(`UPDATE perdure.archive_removals SET due_at = '2000-01-01Z' WHERE removing`);
  expect(await removeDueArchiveFiles(db)).toBe(1);
  expect(await archives()).toEqual(['abandoned.json.gz']);
  await db.query(`UPDATE perdure.archive_removals SET due_at = '2000-01-01Z'`);
  expect(await removeDueArchiveFiles(db)).toBe(1);
  expect(await archives()).toEqual([]);
  expect(await db.query('SELECT 1 FROM perdure.archive_removals')).toEqual([]);
}, 60_000);

test('a file that is being written during an erasure never becomes an archive, and is removed again later', async () => {
  const { db, archives } = await store();
  const key = newKey('ada');
  await planArchiveFile(db, key, 'late');
  await erase(db, 'ada');
  expect(await countUserRows(db, 'ada')).toEqual({});
  await db.archives?.write('late', Buffer.from('x'));
  expect(await adoptArchiveFile(db, 'late')).toBe(false);
  await db.query(`UPDATE perdure.archive_removals SET due_at = '2000-01-01Z'`);
  await removeDueArchiveFiles(db);
  expect(await archives()).toEqual([]);
}, 60_000);

test('the contents of attachments are erased, also of those that were deleted before and of one that is being written', async () => {
  const { db, attachments } = await store();
  const save = (user: string, text: string) =>
    saveAttachment(db, { user, name: 'a.txt', typeOf: async () => 'text/plain', limits: storageLimits() }, [
      Buffer.from(text),
    ]);
  await save('ada', 'one');
  await save('bob', 'one');
  const { id: removed } = await save('ada', 'two');
  // As when its last session is deleted: the content is removed later.
  await db.transaction(async (tx) => {
    const [gone] = await tx.query<{ key: string }>(
      `DELETE FROM perdure.attachments WHERE attachment_id = $1 RETURNING content_key AS key`,
      [removed],
    );
    await releaseContents(tx, [gone?.key ?? '']);
  });
  const writing = await planContent(db, 'ada', 'folder');
  const place = placeOf(db.places, 'folder');
  await place.write(writing, bytes('half'));
  expect(await attachments()).toHaveLength(4);

  await erase(db, 'ada');

  expect(await attachments()).toHaveLength(1);
  expect(await countUserRows(db, 'ada')).toEqual({});
  // It may be written again until the plan is due.
  expect(await db.query('SELECT user_id, removing FROM perdure.attachment_removals')).toEqual([
    { user_id: null, removing: true },
  ]);
}, 60_000);

async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
