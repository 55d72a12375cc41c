import { expect, onTestFinished, test } from 'vitest';
import { deleteKeptConversations } from '../../../activities/sweep/delete-kept.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { ModelError, type ModelDirectory } from '../../../models/model-client.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import { countKeptDeletions } from '../../../store/admin/conversations/kept-deletions.ts';
import { readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import type { Db } from '../../../store/db/db.ts';
import { archiveSession } from '../../../store/sessions/archive-session.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { startConversationServer, type ConversationServer } from '../../support/models/conversation-server.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { DATABASES, openTestDatabase } from '../../support/store/databases.ts';
import { exportOf, importDocument } from '../../support/store/session-documents.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const KEEPS = { name: 'assistant', model: 'stub/one', history: 'service' } as const;

interface Kept {
  readonly stack: Stack;
  readonly server: ConversationServer;
  readonly models: ModelDirectory;
  readonly db: Db;
  /** Says so many messages in a session. */
  readonly talk: (key: SessionKey, messages?: number) => Promise<void>;
  /** Has what is due deleted, as upkeep does. */
  readonly drain: () => Promise<number>;
  /** The requests for deletions, sorted. */
  readonly deletions: () => readonly string[];
}

async function kept(kind: (typeof DATABASES)[number], conversations = false): Promise<Kept> {
  const server = await startConversationServer({ reply: () => ({ text: 'Well.' }) });
  onTestFinished(() => server.close());
  const database = await openTestDatabase(kind);
  onTestFinished(() => database.close());
  const client = createOpenAIResponsesClient({
    provider: 'stub',
    baseUrl: server.baseUrl,
    apiKey: null,
    conversations,
  });
  const models: ModelDirectory = {
    defaultModel: 'stub/one',
    resolve: (name) => {
      if (!name.startsWith('stub/'))
        throw new ModelError('invalid_request', 'Unknown.', { retryable: false, unsent: true });
      return { client, model: name.slice('stub/'.length) };
    },
  };
  const { db } = database;
  // Its own upkeep would delete what a test looks at.
  const lostSessions = { everyMs: 3_600_000 };
  const stack = await startStack({ temporal: await testTemporal(), agents: [KEEPS], model: models, db, lostSessions });
  onTestFinished(() => stack[Symbol.asyncDispose]());
  return {
    stack,
    server,
    models,
    db,
    talk: async (key, messages = 1) => {
      const ended = (await stack.events(key)).filter(({ type }) => type === 'run.completed').length;
      for (let at = 1; at <= messages; at += 1) {
        await stack.sender.submit(key, { content: `Message ${at}` });
        await stack.ended(key, ended + at);
      }
    },
    drain: () => deleteKeptConversations({ db, models, telemetry: stack.telemetry }, AbortSignal.timeout(10_000)),
    deletions: () => server.others.filter((line) => line.startsWith('DELETE')).toSorted(),
  };
}

test.each(DATABASES)('on %s, what a provider keeps of a session is deleted after the session was', async (kind) => {
  const { stack, db, talk, drain, deletions } = await kept(kind);
  const [key, other] = [stack.key(), stack.key()];
  await talk(key, 3);
  await talk(other);
  await deleteSession(db, key);
  // No row of it has the user any more.
  const rows = await db.query('SELECT user_id, session_id, kind FROM perdure.kept_conversations', []);
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ user_id: null, session_id: null, kind: 'response' })));
  expect(await drain()).toBe(3);
  expect(deletions()).toEqual(['DELETE /responses/resp_1', 'DELETE /responses/resp_2', 'DELETE /responses/resp_3']);
  expect(await countKeptDeletions(db)).toEqual({ pending: 0, givenUp: 0 });
  expect(await drain()).toBe(0);
  // The other session goes on.
  await talk(other);
  expect((await stack.events(other)).some(({ type }) => type === 'context.rebuilt')).toBe(false);
});

test.each(DATABASES)(
  'on %s, an archive keeps its conversation until it is deleted, and a restored one continues it',
  async (kind) => {
    const { stack, db, talk, drain, deletions } = await kept(kind, true);
    const [archived, restored] = [stack.key(), stack.key()];
    for (const key of [archived, restored]) {
      await talk(key, 2);
      await archiveSession(db, key);
    }
    expect(await drain()).toBe(0);
    await talk(restored);
    expect((await stack.events(restored)).some(({ type }) => type === 'context.rebuilt')).toBe(false);
    await deleteSession(db, archived);
    expect(await drain()).toBe(1);
    expect(deletions()).toEqual(['DELETE /conversations/conv_1']);
    await deleteSession(db, restored);
    expect(await drain()).toBe(1);
  },
);

test('a copy that was imported does not delete what the provider keeps of the original', async () => {
  const { stack, db, talk, drain, deletions } = await kept('pglite', true);
  const [key, copy] = [stack.key(), stack.key()];
  await talk(key);
  await importDocument(db, copy, await exportOf(db, key));
  await deleteSession(db, copy);
  expect(await drain()).toBe(0);
  expect(deletions()).toEqual([]);
});

test('a failed deletion is repeated later, what is gone is done, and a refusal for good ends it', async () => {
  const { stack, server, db, talk, drain } = await kept('pglite');
  const dueNow = () =>
    db.query('UPDATE perdure.kept_conversations SET due_at = clock_timestamp() WHERE due_at IS NOT NULL', []);
  const key = stack.key();
  await talk(key);
  await deleteSession(db, key);
  server.refuse({ status: 503, body: { error: { message: 'Busy.' } } });
  expect(await drain()).toBe(0);
  expect(await countKeptDeletions(db)).toEqual({ pending: 1, givenUp: 0 });
  // Not before its time.
  expect(await drain()).toBe(0);
  expect(server.others).toHaveLength(1);
  server.forget();
  await dueNow();
  expect(await drain()).toBe(0);
  expect(await countKeptDeletions(db)).toEqual({ pending: 0, givenUp: 0 });

  await talk(key, 2);
  await deleteSession(db, key);
  server.refuse({ status: 405, body: { error: { message: 'No.' } } });
  expect(await drain()).toBe(1);
  expect(await countKeptDeletions(db)).toEqual({ pending: 0, givenUp: 1 });
});

test('a deletion is given up after the last attempt', async () => {
  const { stack, server, db, talk, drain } = await kept('pglite');
  const key = stack.key();
  await talk(key);
  await deleteSession(db, key);
  await db.query('UPDATE perdure.kept_conversations SET attempts = $1', [LIMITS.keptDeletionAttempts.value - 1]);
  server.refuse({ status: 503, body: {} });
  expect(await drain()).toBe(0);
  expect(await countKeptDeletions(db)).toEqual({ pending: 0, givenUp: 1 });
});

test('a clean-up of all users deletes what is due, and reports it', async () => {
  const { stack, server, db, talk } = await kept('pglite');
  const [key, other] = [stack.key(), stack.key()];
  await talk(key, 2);
  await talk(other);
  await deleteSession(db, key);
  server.refuse({ status: 503, body: {} });
  const sweepId = `sweep-${key.user}`;
  const options = { taskQueue: stack.taskQueue, workflowId: sweepId, args: [{ sweepId, request: {}, user: null }] };
  await stack.client.workflow.execute('maintenance', options);
  expect(await readSweep(db, null, sweepId)).toMatchObject({
    keptConversations: { deleted: 1, pending: 1, givenUp: 0 },
  });
});
