import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import { readContent } from '../../../store/attachments/attachment-content.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import { attachmentPlaces } from '../../../store/places/attachment-places.ts';
import { servedGateway } from '../../gateway/start-gateway.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const database = embeddedDatabase();

test('perdure attachments move moves the attachments of all users to a folder, and reports what it could not move', async () => {
  const folder = join(await temporaryFolder(), 'attachments');
  const db = { ...database.db, places: attachmentPlaces({ folder }) };
  const save = async (user: string) =>
    await saveAttachment(db, { user, name: 'a.txt', typeOf: async () => 'text/plain', limits: storageLimits() }, [
      Buffer.from('Dear diary'),
    ]);
  const [ann, bob] = [await save('ann'), await save('bob')];
  const { env } = await servedGateway(db);

  const moved = await runCli(['attachments', 'move', '--to', 'folder'], env);
  expect(moved).toMatchObject({ code: 0, stderr: '', stdout: 'Moved 2 attachments (0 MB) to the folder.\n' });
  expect(await db.query('SELECT FROM perdure.attachment_chunks')).toHaveLength(0);
  const read = readContent(db, { user: 'ann', id: ann.id }, { start: 0, end: 10 });
  expect(String((await read.next()).value)).toBe('Dear diary');

  const [{ key } = { key: '' }] = await db.query<{ key: string }>(
    `SELECT content_key AS key FROM perdure.attachments WHERE user_id = 'bob'`,
  );
  await db.places.all[0]?.remove(key);
  const back = await runCli(['attachments', 'move', '--to', 'database', '--json'], env);
  expect(back.code).toBe(1);
  expect(JSON.parse(back.stdout)).toEqual({
    to: 'database',
    moved: 1,
    bytes: 10,
    failed: [{ id: bob.id, user: 'bob', reason: 'only 0 of its 10 bytes are there' }],
  });

  const unknown = await runCli(['attachments', 'move', '--to', 's3'], env);
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain('Set attachments.s3 in the deployment file');
});
