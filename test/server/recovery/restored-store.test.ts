import { expect, test } from 'vitest';
import type { ModelRequest } from '../../../models/model-client.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { backUpDatabase, openTestDatabase } from '../../support/store/databases.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

test('workers that outlive a restore of PostgreSQL show the model what the store holds, and say which run it lacks', async () => {
  const database = await openTestDatabase('postgres');
  const { db, url } = database;
  if (url === null) throw new Error('The test needs a server.');
  const requests: ModelRequest[] = [];
  const held = heldModel((request) => {
    requests.push(request);
    return 'yes';
  });
  {
    await using stack = await startStack({
      temporal: await testTemporal(),
      db,
      model: held.model,
      lostSessions: { everyMs: 300, quietForMs: 500 },
    });
    const key = stack.key();
    const say = async (content: string, runs: number) => {
      await stack.sender.submit(key, { id: content, content });
      await stack.ended(key, runs);
    };
    await say('one', 1);
    await stack.sender.submit(key, { id: 'hold two', content: 'hold two' });
    const two = await held.call('hold two');
    const backup = await backUpDatabase(url);
    // The backup has a run that will have ended when it is restored, and lacks one that will be under way.
    two.answer('two of then');
    await stack.ended(key, 2);
    await say('three', 3);
    const { runId } = await stack.sender.submit(key, { id: 'hold four', content: 'hold four' });
    const four = await held.call('hold four');
    expect(runId).not.toBeNull();

    await backup.restore();
    four.answer('four of then');
    (await held.call('hold two')).answer('two of now');

    const events = await stack.until(
      key,
      (all) =>
        all.some((event) => event.type === 'session.recovered' && event.reason === 'store_restored') &&
        all.some((event) => event.type === 'run.completed' && event.output === 'two of now'),
    );
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(await readRun(db, key, runId as string)).toBeNull();
    await say('five', 3);
    const shown = requests.at(-1)?.messages.flatMap((message) => (message.role === 'user' ? [message.content] : []));
    expect(shown).toEqual(['one', 'hold two', 'five']);
    // What was lost may be sent again: the store does not know its id.
    await say('three', 4);
  }
  await database.close();
}, 120_000);
