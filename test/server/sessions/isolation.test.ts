import { afterAll, describe, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { listSessions } from '../../../store/read/lists/list-sessions.ts';
import { readEvents } from '../../../store/read/read-events.ts';
import { readMessage } from '../../../store/read/read-message.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { DATABASES, openTestDatabase, type TestDatabase } from '../../support/store/databases.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** Whose mark it is: every text of a session carries its own, and no other. */
const MARK = /mark-\d+-/g;

const stamp = defineTool({
  name: 'stamp',
  description: 'Says back what it is given, and remembers it.',
  parameters: z.object({ mark: z.string() }),
  idempotent: true,
  timeoutMs: 9_000,
  execute: async ({ mark }, { state }) => {
    await state.merge({ mark });
    return `stamped ${mark}`;
  },
});

/** Answers with everything it was shown, so that a message from elsewhere would be seen. */
const model: FunctionModel = async (request, { onDelta }) => {
  const last = request.messages.at(-1);
  const said = lastUserMessage(request);
  await new Promise(setImmediate);
  if (last?.role === 'user' && said.startsWith('stamp')) {
    const mark = said.match(MARK)?.[0] ?? 'none';
    return {
      text: `One moment, ${mark}`,
      toolCalls: [{ callId: 'c1', tool: 'stamp', arguments: { mark }, malformed: null }],
    };
  }
  const text = `I was told: ${request.messages.map(({ content }) => content).join(' / ')}`;
  for (let at = 0; at < text.length; at += 40) onDelta({ kind: 'text', text: text.slice(at, at + 40) });
  return text;
};

/** Forty names, most of them made to be mistaken for another: of users, and again of sessions. */
const NAMES = [
  'a:b',
  'a%3Ab',
  'a',
  'a:',
  ':a',
  'a/b',
  'a%2Fb',
  'a b',
  'a%20b',
  'a+b',
  '%',
  '%25',
  '%%',
  '..',
  '.',
  '../a',

  'žluťoučký',
  'Жук',
  '使用者',
  'مستخدم',
  '🙂',
  'e\u0301',
  '\u00e9',
  'ﬁ',
  'fi',
  'A',
  'ａ',
  'a\u200b',
  "a'b",
  'a"b',
  'a\\b',
  'a;b',
  'a,b',
  '{a}',
  '$1',
  'null',
  'undefined',
  '__proto__',
  ':run:a',
  'main',
];

describe.each(DATABASES)('on %s', (kind) => {
  let database: TestDatabase;
  let stack: Stack;
  const names = NAMES.map((name) => `${kind}~${name}`);

  beforeAll(async () => {
    database = await openTestDatabase(kind);
    const agents = [{ name: 'assistant', tools: ['stamp'] }];
    stack = await startStack({ temporal: await testTemporal(), model, tools: [stamp], agents, db: database.db });
  });
  afterAll(async () => {
    await stack[Symbol.asyncDispose]();
    await database.close();
  });

  test('200 sessions of 40 users in parallel: every answer, event and delta carries its own mark only', async () => {
    expect(new Set(names).size).toBe(40);
    // Each user has five sessions, and each session's name is another user's too.
    const keys: SessionKey[] = names.flatMap((user, u) =>
      Array.from({ length: 5 }, (_, s) => ({ user, session: s === 0 ? 'one' : NAMES[(u + s * 7) % NAMES.length]! })),
    );
    expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(200);
    await Promise.all(
      keys.map(async (key, index) => {
        const mark = `mark-${index}-`;
        const heard: StreamEvent[] = [];
        const subscription = await stack.live.subscribe(key, (message) => {
          if (message.kind === 'live') heard.push(message.event);
          if (message.kind === 'appended') heard.push(...(message.events ?? []));
        });
        // The same message ids everywhere.
        await stack.sender.submit(key, { id: 'm1', content: `plain ${mark}` });
        await stack.sender.submit(key, { id: 'm2', content: `stamp ${mark}` });
        const events = await stack.ended(key, 2);
        subscription.close();
        const outputs = events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []));
        expect(outputs).toEqual([
          `I was told: plain ${mark}`,
          `I was told: plain ${mark} / I was told: plain ${mark} / stamp ${mark} / One moment, ${mark} / stamped ${mark}`,
        ]);
        expect(new Set(JSON.stringify([events, heard]).match(MARK))).toEqual(new Set([mark]));
        expect(new Set(events.map(({ sessionId }) => sessionId))).toEqual(new Set([key.session]));
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
        expect(heard.length).toBeGreaterThan(events.length);
        expect(await readSession(stack.db, key)).toMatchObject({
          id: key.session,
          user: key.user,
          messages: 2,
          runs: 2,
          state: { stamp: { mark } },
        });
        expect((await readMessage(stack.db, key, 'm1'))?.run?.output).toBe(`I was told: plain ${mark}`);
      }),
    );
    for (const user of names) {
      const { data } = await listSessions(stack.db, user, { limit: 100 });
      expect(data.map(({ id }) => id).toSorted()).toEqual(
        keys
          .filter((key) => key.user === user)
          .map(({ session }) => session)
          .toSorted(),
      );
    }
  }, 120_000);

  test("another user's session is not there, whatever of it is known", async () => {
    const owner = stack.key('shared-name');
    const { runId } = await stack.sender.submit(owner, { id: 'm1', content: 'private mark-999-' });
    await stack.ended(owner);
    const stranger = { ...stack.key(), session: owner.session };
    expect(await readSession(stack.db, stranger)).toBeNull();
    expect(await readRun(stack.db, stranger, runId as string)).toBeNull();
    expect(await readMessage(stack.db, stranger, 'm1')).toBeNull();
    expect((await readEvents(stack.db, stranger, { after: 0, limit: 10 })).events).toEqual([]);
    await expect(stack.sender.resume(stranger, { runId: runId as string })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await stack.sender.cancel(stranger, { runId: runId as string })).toEqual({ runId: null });
  });
});
