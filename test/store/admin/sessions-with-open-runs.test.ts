import { expect, test } from 'vitest';
import { listSessionsWithOpenRuns } from '../../../store/admin/sweeps/list-sessions-with-open-runs.ts';
import type { SessionPosition } from '../../../store/admin/sweeps/sweeps.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { newKey, started } from '../conversation.ts';

const database = embeddedDatabase();

test('pages list every session with an open run once, however many are before it', async () => {
  const { db } = database;
  const keys = [];
  for (let count = 0; count < 7; count += 1)
    keys.push((await started(db, newKey(count % 2 === 0 ? 'ann' : 'bob'))).key);
  const listed = [];
  let after: SessionPosition | null = null;
  for (let pages = 0; pages < 10; pages += 1) {
    const page: Awaited<ReturnType<typeof listSessionsWithOpenRuns>> = await listSessionsWithOpenRuns(db, {
      quietForMs: 0,
      after,
      limit: 3,
    });
    listed.push(...page.map(({ key }) => key));
    const last = page.at(-1);
    if (!last) break;
    after = [last.key.user, last.key.session];
  }
  expect(listed).toHaveLength(7);
  expect(new Set(listed.map(({ session }) => session))).toEqual(new Set(keys.map(({ session }) => session)));
});
