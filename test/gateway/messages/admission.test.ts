import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { LiveMessage } from '../../../live/live-channel.ts';
import type { Db } from '../../../store/db/db.ts';
import { beginModel, send } from '../../store/conversation.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { versionOf } from '../../../agents/agent-version.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { readFrames, sessionPath, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();
const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

test('a run that a message makes is reported to the workflow by ids and counters only', async () => {
  const { call, sender } = startGateway(database.db);
  const id = randomUUID();
  const { runId } = await json(await call('POST', sessionPath(id, 'messages'), { content: 'CANARY' }));
  const once = await json(await call('POST', '/v1/runs', { content: 'CANARY' }));
  const session = { status: 'active', agent: 'assistant' };
  const epoch = expect.any(Number) as number;
  expect(sender.wakes).toEqual([
    {
      key: { user: 'local', session: id },
      kind: 'session',
      reference: { session, run: { runId, ordinal: 1, urgent: false }, interrupts: null, wasIdle: true, epoch },
    },
    {
      key: { user: 'local', session: once['runId'] },
      kind: 'run',
      reference: {
        session,
        run: { runId: once['runId'], ordinal: 1, urgent: false },
        interrupts: null,
        wasIdle: true,
        epoch,
      },
    },
  ]);
});

test('a repeated message is reported again while its run is queued, and not once it is running', async () => {
  const { db } = database;
  const { call, sender } = startGateway(db);
  const key = { user: 'local', session: randomUUID() };
  const post = async () => json(await call('POST', sessionPath(key.session, 'messages'), { id: 'm', content: 'hi' }));
  const { runId } = await post();
  await post();
  expect(sender.wakes.map(({ reference }) => [reference.run?.runId, reference.wasIdle])).toEqual([
    [runId, true],
    [runId, false],
  ]);
  await beginModel(db, key, runId as string);
  await post();
  expect(sender.wakes).toHaveLength(2);
});

test('a message that joins the running run is not reported', async () => {
  const { db } = database;
  const { call, sender } = startGateway(db);
  const key = { user: 'local', session: randomUUID() };
  const { runId } = await send(db, key, { id: 'm1', content: 'one' });
  await beginModel(db, key, runId);
  const steered = await call('POST', sessionPath(key.session, 'messages'), { content: 'no', whileRunning: 'steer' });
  expect(await json(steered)).toMatchObject({ disposition: 'steered', runId });
  expect(sender.wakes).toEqual([]);
});

test('a message that interrupts a run stops it on the live channel at once', async () => {
  const { db } = database;
  const { call, sender, live } = startGateway(db);
  const key = { user: 'local', session: randomUUID() };
  const { runId } = await send(db, key, { id: 'm1', content: 'one' });
  await beginModel(db, key, runId);
  const heard: LiveMessage[] = [];
  const subscription = await live.subscribe(key, (message) => heard.push(message));
  await call('POST', sessionPath(key.session, 'messages'), { content: 'stop', whileRunning: 'interrupt' });
  subscription.close();
  const last = heard.at(-1);
  expect(last).toEqual({ kind: 'control', runId, command: 'cancel', reason: 'interrupted' });
  expect(sender.wakes.at(-1)?.reference).toMatchObject({
    interrupts: runId,
    run: { urgent: true },
    wasIdle: false,
    after: runId,
  });
});

test('while Temporal is away a message has its receipt, and the workflow is signalled once Temporal is back', async () => {
  const { call, sender } = startGateway(database.db);
  const temporal = sender.temporal;
  sender.temporal = null;
  const admitted = await call('POST', sessionPath(randomUUID(), 'messages'), { content: 'hi' });
  expect(admitted.status).toBe(202);
  const { runId } = await json(admitted);
  expect(sender.wakes).toEqual([]);
  sender.temporal = temporal;
  await expect
    .poll(() => sender.wakes.map(({ reference }) => reference.run?.runId), { timeout: 10_000 })
    .toEqual([runId]);
});

test('an answer that is waited for costs one read of the outcome, a stream none', async () => {
  const reads: string[] = [];
  const db: Db = {
    ...database.db,
    query: async (sql, values) => {
      if (sql.includes('m.receipt')) reads.push(sql);
      return await database.db.query(sql, values);
    },
  };
  const { call, sender } = startGateway(db);
  sender.onWake = (key, { runId }) => void sender.answer(key, runId, 'hello');
  const id = randomUUID();
  const path = sessionPath(id, 'messages');
  expect(await json(await call('POST', path, { id: 'm', content: 'hi' }, { prefer: 'wait=30' }))).toMatchObject({
    answer: 'hello',
  });
  expect(reads).toHaveLength(1);
  await readFrames(await call('POST', path, { id: 'n', content: 'hi' }, { accept: 'text/event-stream' }));
  expect(reads).toHaveLength(1);
  await call('POST', path, { id: 'm', content: 'hi' }, { prefer: 'wait=30' });
  expect(reads).toHaveLength(2);
});

test('the check of a budget needs the default model, and is left to the workers while it is unknown', async () => {
  const deployment = {
    budgets: { dailyUsd: 0.000001 },
    prices: [{ model: 'test/one', inputUsd: 5, outputUsd: 5 }],
  };
  const message = { content: 'hi' };
  const unknown = startGateway(database.db, { deployment });
  expect((await unknown.call('POST', sessionPath(randomUUID(), 'messages'), message)).status).toBe(202);
  const known = startGateway(database.db, { deployment, defaultModel: 'test/one' });
  const refused = await known.call('POST', sessionPath(randomUUID(), 'messages'), message);
  expect(refused.status).toBe(429);
  expect(await json(refused)).toMatchObject({ code: 'budget_exceeded', budget: { scope: 'day', unit: 'usd' } });
});

test('a session of an agent that only workers have takes messages', async () => {
  const { db } = database;
  const key = { user: 'local', session: randomUUID() };
  await saveAgentVersion(db, versionOf({ name: 'elsewhere' }, []));
  await send(db, key, { id: 'm1', content: 'one' }, { defaultAgent: 'elsewhere', knowsAgent: () => true });
  const { call } = startGateway(db);
  expect((await call('POST', sessionPath(key.session, 'messages'), { content: 'two' })).status).toBe(202);
  const refused = await call('POST', sessionPath(randomUUID(), 'messages'), { content: 'one', agent: 'nowhere' });
  expect(await json(refused)).toMatchObject({ status: 400, code: 'invalid_request' });
});
