import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FOLDERS, removeDueContents, removeOrphans } from '../../../store/admin/attachments/remove-contents.ts';
import { moveAttachments } from '../../../store/admin/attachments/move-attachments.ts';
import { readContent } from '../../../store/attachments/attachment-content.ts';
import { readAttachment } from '../../../store/attachments/read-attachments.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import type { Db } from '../../../store/db/db.ts';
import type { AttachmentPlace } from '../../../store/places/attachment-place.ts';
import { attachmentPlaces } from '../../../store/places/attachment-places.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { readSessionExport } from '../../../store/sessions/read-session-export.ts';
import type { SessionExport } from '../../../contracts/session/session-export.ts';
import { openTestPlace, type TestPlace } from '../../support/attachment-places.ts';
import { describeStores } from '../../support/store/databases.ts';
import { importDocument } from '../../support/store/session-documents.ts';
import { newKey, send } from '../conversation.ts';
import { dieEverywhere } from './die-everywhere.ts';
import { cleanUp, contentOf, limits, messageWith, save, typeOf } from './saved-contents.ts';

async function* orphaned(): AsyncGenerator<Buffer> {
  yield Buffer.from('orphan');
}

describe.each(['folder', 's3'] as const)('with attachments in a place of the kind %s', (kind) => {
  let place: TestPlace;
  beforeAll(async () => void (place = await openTestPlace(kind)));
  afterAll(async () => await place.close());

  describeStores(['pglite', 'postgres'], (database) => {
    let opened: Db | undefined;
    const db = (): Db => (opened ??= { ...database(), places: attachmentPlaces(place.settings) });
    const keyOf = async (user: string, id: string) => {
      const [row] = await db().query<{ key: string | null }>(
        `SELECT content_key AS key FROM perdure.attachments WHERE user_id = $1 AND attachment_id = $2`,
        [user, id],
      );
      return row?.key ?? null;
    };
    /** The keys of all contents in the place, those of other stores excepted. */
    const keysIn = async (): Promise<string[]> => {
      const [row] = await database().query<{ prefix: string }>(`SELECT prefix FROM perdure.attachment_key_prefix`);
      const keys = (await place.keys()).filter((key) => key.includes(`/${row?.prefix}/`));
      return keys.map((key) => key.split('/').at(-1) ?? '').toSorted();
    };
    /** The keys of the contents that attachments have, of every test. */
    const kept = async (): Promise<string[]> => {
      const rows = await db().query<{ key: string }>(
        `SELECT DISTINCT content_key AS key FROM perdure.attachments JOIN perdure.attachment_contents c USING (content_key)
          WHERE c.place = $1`,
        [kind],
      );
      return rows.map(({ key }) => key.split('/').at(-1) ?? '').toSorted();
    };

    test('a content is in the place alone, and is read whole and in any range', async () => {
      const content = randomBytes(700_000);
      const { id, sha256 } = await save(db(), 'places', content);
      expect(sha256).toHaveLength(64);
      expect((await contentOf(db(), 'places', id)).equals(content)).toBe(true);
      expect((await contentOf(db(), 'places', id, 262_140, 262_150)).equals(content.subarray(262_140, 262_150))).toBe(
        true,
      );
      expect(await database().query(`SELECT FROM perdure.attachment_chunks WHERE user_id = 'places'`)).toHaveLength(0);
      expect(await keysIn()).toEqual(await kept());
    });

    test('a content is kept once per user, until the last of its attachments is removed', async () => {
      const content = randomBytes(1_000);
      const [first, second, other] = [
        await save(db(), 'once', content),
        await save(db(), 'once', content),
        await save(db(), 'once-other', content),
      ];
      expect(first.id).not.toBe(second.id);
      expect(await keyOf('once', first.id)).toBe(await keyOf('once', second.id));
      expect(await keyOf('once-other', other.id)).not.toBe(await keyOf('once', first.id));
      const session = newKey('once');
      await send(db(), session, messageWith('m1', first.id));
      await cleanUp(db(), 'once');
      await expect(readAttachment(db(), 'once', second.id)).rejects.toMatchObject({ code: 'not_found' });
      expect((await contentOf(db(), 'once', first.id)).equals(content)).toBe(true);
      await archiveSession(db(), session);
      await cleanUp(db(), 'once');
      expect((await contentOf(db(), 'once', first.id)).equals(content)).toBe(true);
      await deleteSession(db(), session);
      await removeDueContents(db());
      expect(await keysIn()).toEqual(await kept());
      expect((await contentOf(db(), 'once-other', other.id)).equals(content)).toBe(true);
    });

    test('a process that dies anywhere in an upload leaves nothing behind, and no attachment without its content', async () => {
      const user = `dies-${kind}`;
      const content = randomBytes(300_000);
      const present = await save(db(), user, content);
      await send(db(), newKey(user), messageWith('m1', present.id));
      for (const next of [content, randomBytes(300_000)]) {
        await dieEverywhere(
          db(),
          (mortal) => save(mortal, user, next),
          async () => {
            const complete = await db().query<{ id: string }>(
              `SELECT attachment_id AS id FROM perdure.attachments WHERE user_id = $1 AND complete`,
              [user],
            );
            for (const { id } of complete) expect(await contentOf(db(), user, id)).toHaveLength(300_000);
            await cleanUp(db(), user);
            expect(await keysIn()).toEqual(await kept());
            expect((await contentOf(db(), user, present.id)).equals(content)).toBe(true);
          },
        );
      }
    });

    test('a process that dies anywhere while it removes a content does not keep the next one from it', async () => {
      const user = `removes-${kind}`;
      const work = async (mortal: Db) => {
        const session = newKey(user);
        const { id } = await save(db(), user, randomBytes(100));
        await send(db(), session, messageWith('m1', id));
        await deleteSession(mortal, session).catch(() => {});
        await removeDueContents(mortal);
      };
      await dieEverywhere(db(), work, async () => {
        await cleanUp(db(), user);
        const complete = await db().query<{ id: string }>(
          `SELECT attachment_id AS id FROM perdure.attachments WHERE user_id = $1`,
          [user],
        );
        for (const { id } of complete) expect(await contentOf(db(), user, id)).toHaveLength(100);
        expect(await keysIn()).toEqual(await kept());
      });
    });

    test('the same content that is uploaded and removed at the same time is never lost', async () => {
      const user = `races-${kind}`;
      const content = randomBytes(2_000);
      for (let round = 0; round < 5; round += 1) {
        const session = newKey(user);
        const { id } = await save(db(), user, content);
        await send(db(), session, messageWith('m1', id));
        const results = await Promise.all([
          deleteSession(db(), session),
          save(db(), user, content),
          removeDueContents(db()),
          save(db(), user, content),
          removeDueContents(db()),
        ]);
        for (const saved of [results[1], results[3]]) {
          expect((await contentOf(db(), user, saved.id)).equals(content)).toBe(true);
        }
        await cleanUp(db(), user);
      }
      expect(await keysIn()).toEqual(await kept());
    });

    test('an upload whose removal has begun fails, and leaves nothing', async () => {
      async function* content() {
        yield randomBytes(100);
        await db().query(`UPDATE perdure.attachment_removals SET removing = true`);
      }
      await expect(saveAttachment(db(), { user: 'late', name: 'a', typeOf, limits }, content())).rejects.toMatchObject({
        code: 'request_timeout',
      });
      expect(await keysIn()).toEqual(await kept());
      expect(await db().query(`SELECT FROM perdure.attachments WHERE user_id = 'late'`)).toHaveLength(0);
    });

    test('a content that the store has no record of is removed once it is a day old, and no other one', async () => {
      const { id } = await save(db(), 'orphans', randomBytes(10));
      const key = (await keyOf('orphans', id)) ?? '';
      const [prefix, folder] = key.split('/');
      const orphan = `${prefix}/${folder}/orphan`;
      const current = db().places?.current;
      await current?.write(orphan, orphaned());
      await current?.write(`another-deployment/${folder}/theirs`, orphaned());
      const aged: Db = {
        ...db(),
        places: {
          current: null,
          all: [
            {
              ...(current as AttachmentPlace),
              async *list(under) {
                for await (const found of (current as AttachmentPlace).list(under))
                  yield { ...found, writtenAt: new Date(0) };
              },
            },
          ],
        },
      };
      expect(await removeOrphans(db(), Number.parseInt(folder ?? '', 16))).toBe(0);
      let removed = 0;
      for (let each = 0; each < FOLDERS; each += 1) removed += await removeOrphans(aged, each);
      expect(removed).toBe(1);
      expect((await place.keys()).filter((name) => name.endsWith('/theirs'))).toHaveLength(1);
      expect(await contentOf(db(), 'orphans', id)).toHaveLength(10);
      await current?.remove(`another-deployment/${folder}/theirs`);
    });

    test('a content of an attachment that an older process has removed is removed by the sweep', async () => {
      const { id } = await save(db(), 'older', randomBytes(10));
      const key = (await keyOf('older', id)) ?? '';
      await db().query(`DELETE FROM perdure.attachments WHERE user_id = 'older'`);
      await removeOrphans(db(), Number.parseInt(key.split('/')[1] ?? '', 16));
      await removeDueContents(db());
      expect(await keysIn()).toEqual(await kept());
      expect(await kept()).not.toContain(key.split('/').at(-1));
    });

    test('a document carries the contents out of the place, and into it', async () => {
      const from = newKey(`carries-${kind}`);
      const to = newKey(`carried-${kind}`);
      const content = randomBytes(500_000);
      const { id } = await save(db(), from.user, content);
      await send(db(), from, messageWith('m1', id));
      const exported = async (attachments: boolean) =>
        JSON.parse((await readSessionExport(db(), from, { attachments })).join('')) as SessionExport;
      expect(await exported(false)).not.toHaveProperty('attachments');
      await importDocument(db(), to, await exported(true));
      expect((await contentOf(db(), to.user, id)).equals(content)).toBe(true);
      expect(await keyOf(to.user, id)).not.toBeNull();
    });

    test('attachments are moved out of the database and back; a process that dies anywhere in between loses none', async () => {
      const user = `moves-${kind}`;
      const contents = [randomBytes(300_000), randomBytes(10), Buffer.alloc(0)];
      const inDatabase = { ...db(), places: undefined };
      const ids: string[] = [];
      for (const content of [...contents, contents[0] as Buffer]) {
        const { id } = await save(inDatabase, user, content);
        await send(db(), newKey(user), messageWith('m1', id));
        ids.push(id);
      }
      const areWhole = async () => {
        for (const [index, id] of ids.entries())
          expect((await contentOf(db(), user, id)).equals(contents[index % 3] as Buffer)).toBe(true);
      };
      const chunks = () => database().query(`SELECT FROM perdure.attachment_chunks WHERE user_id = $1`, [user]);
      const options = { after: null, forMs: 60_000 };
      for (const to of [kind, 'database'] as const) {
        await dieEverywhere(db(), (mortal) => moveAttachments(mortal, { ...options, to }), areWhole);
        const last = await moveAttachments(db(), { ...options, to });
        expect(last).toEqual({ moved: 0, bytes: 0, left: 0, leftBytes: 0, failed: [], next: null });
        await areWhole();
        expect(await chunks()).toHaveLength(to === 'database' ? 5 : 0);
        await cleanUp(db(), 'nobody');
        expect(await keysIn()).toEqual(await kept());
      }
      await moveAttachments(db(), { ...options, to: kind });
    });

    test('a move ends in time, and goes on behind its last attachment', async () => {
      const user = `continues-${kind}`;
      for (let at = 0; at < 3; at += 1) await save({ ...db(), places: undefined }, user, randomBytes(10));
      const first = await moveAttachments(db(), { to: kind, after: null, forMs: 0 });
      expect(first).toMatchObject({ moved: 1, left: 2 });
      const second = await moveAttachments(db(), { to: kind, after: first.next, forMs: 60_000 });
      expect(second).toMatchObject({ moved: 2, left: 0, next: null });
    });

    test('a download goes on where the content was moved meanwhile', async () => {
      const user = `reads-${kind}`;
      const content = randomBytes(600_000);
      const { id } = await save({ ...db(), places: undefined }, user, content);
      const reader = readContent(db(), { user, id }, { start: 0, end: content.length });
      const pieces = [(await reader.next()).value as Buffer];
      await moveAttachments(db(), { to: kind, after: null, forMs: 60_000 });
      for await (const piece of reader) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
    });

    test('an attachment whose content is damaged or absent stays, and the move reports it', async () => {
      const user = `damaged-${kind}`;
      const { id } = await save(db(), user, randomBytes(100));
      await db().places?.current?.remove((await keyOf(user, id)) ?? '');
      const moved = await moveAttachments(db(), { to: 'database', after: { user, id: '' }, forMs: 0 });
      expect(moved.failed).toEqual([{ id, user, reason: 'only 0 of its 100 bytes are there' }]);
      await cleanUp(db(), user);
    });

    test('a content in a place that a process does not have is store_unavailable, and names the setting', async () => {
      const { id } = await save(db(), 'elsewhere', randomBytes(10));
      const other = kind === 's3' ? ({ folder: '/nowhere' } as const) : ({ s3: { bucket: 'none' } } as const);
      const without: Db = { ...db(), places: attachmentPlaces(other) };
      await expect(contentOf(without, 'elsewhere', id)).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining(`Set attachments.${kind}`) as string,
      });
    });
  });
});
