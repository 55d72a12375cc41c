import { expect, test } from 'vitest';
import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import type { SessionExport } from '../../../contracts/session/session-export.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../../store/db/db.ts';
import { readAttachment } from '../../../store/attachments/read-attachments.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { readSessionExport } from '../../../store/sessions/read-session-export.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';
import { importDocument } from '../../support/store/session-documents.ts';
import { newKey, send } from '../conversation.ts';

const typeOf = async () => 'text/plain';
const CONTENT = Buffer.from('Dear diary');

/** A session whose message refers to a new attachment. */
async function sessionWith(db: Db, key: SessionKey): Promise<string> {
  const saved = await saveAttachment(db, { user: key.user, name: 'a.txt', typeOf, limits: storageLimits() }, [CONTENT]);
  const { id: attachmentId, name, contentType, size } = saved;
  await send(db, key, { id: 'm1', content: '', parts: [{ type: 'file', attachmentId, name, contentType, size }] });
  return attachmentId;
}

async function exported(db: Db, key: SessionKey, attachments: boolean): Promise<SessionExport> {
  return JSON.parse((await readSessionExport(db, key, { attachments })).join('')) as SessionExport;
}

describeStores(DATABASES, (db) => {
  test.each([false, true])('a document carries the attachments to another user, archived: %s', async (isArchived) => {
    const from = newKey(`from-${isArchived}`);
    const to = newKey(`to-${isArchived}`);
    const id = await sessionWith(db(), from);
    if (isArchived) await archiveSession(db(), from);
    const document = await exported(db(), from, true);
    expect(document.attachments).toEqual([
      { ...(await readAttachment(db(), from.user, id)), data: CONTENT.toString('base64') },
    ]);
    await importDocument(db(), to, document);
    expect(await readAttachment(db(), to.user, id)).toEqual(await readAttachment(db(), from.user, id));
    await deleteSession(db(), to);
    await expect(readAttachment(db(), to.user, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await readAttachment(db(), from.user, id)).toMatchObject({ id });
  });

  test('a document without them is that of before, and refers to those that its user still has', async () => {
    const from = newKey('omits');
    const id = await sessionWith(db(), from);
    const document = await exported(db(), from, false);
    expect(document).not.toHaveProperty('attachments');
    const copy = newKey('omits');
    await importDocument(db(), copy, document);
    await deleteSession(db(), from);
    expect(await readAttachment(db(), 'omits', id)).toMatchObject({ id });
    const other = newKey('omits-another');
    await importDocument(db(), other, document);
    await expect(readAttachment(db(), other.user, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a document whose attachment does not match its hash is refused, and nothing of it remains', async () => {
    const from = newKey('forged');
    await sessionWith(db(), from);
    const document = await exported(db(), from, true);
    const to = newKey('forged-copy');
    const forged = document.attachments?.map((one) => ({ ...one, data: Buffer.from('Other').toString('base64') }));
    await expect(importDocument(db(), to, { ...document, attachments: forged })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(exported(db(), to, false)).rejects.toMatchObject({ code: 'not_found' });
  });
});
