import { expect, test } from 'vitest';
import { runWhySchema } from '../../../contracts/why.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { child, complete, family, handOver, start } from '../../store/children/family.ts';
import { beginModel, pin, replyTo } from '../../store/conversation.ts';
import { cost } from '../../store/runs/begun-call.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { sessionPath, startGateway } from '../start-gateway.ts';

const database = embeddedDatabase();

test('why of a run has the runs below it as spans of their own, with their time and cost', async () => {
  const { db } = database;
  const tree = await family(db, [child('a'), child('b')]);
  const [first, second] = tree.children as [SessionKey, SessionKey];
  await start(db, tree);
  const position = await beginModel(db, first, first.session);
  const below = child('c', { depth: 2 });
  await commitStep(db, first, { ...replyTo(first.session, position, { toolCalls: [below] }), cost: cost(2e9) });
  await beginStep(db, first, { runId: first.session, pin });
  const last = { user: first.user, session: below.child!.childId };
  await start(db, { key: first, runId: first.session, children: [last] });
  await complete(db, last, 1e9);
  await handOver(db, last);

  const { call } = startGateway(db);
  const mine = { 'perdure-user': tree.key.user };
  const path = sessionPath(tree.key.session, 'runs', tree.runId, 'why');
  const response = await call('GET', path, undefined, mine);
  const why = runWhySchema.parse(await response.json());
  expect(why.spans.filter(({ kind }) => kind === 'tool')).toMatchObject([
    { callId: 'a', childRunId: first.session, open: true },
    { callId: 'b', childRunId: second.session, open: true },
  ]);
  expect(why.children).toMatchObject([
    { runId: first.session, parentRunId: tree.runId, level: 1, open: true, ownCost: { total: { costUsd: 2 } } },
    { runId: last.session, parentRunId: first.session, level: 2, open: false, ownCost: { total: { costUsd: 1 } } },
    { runId: second.session, parentRunId: tree.runId, level: 1, open: true, time: expect.any(Array) },
  ]);
  for (const { time = [], durationMs } of why.children ?? [])
    expect(time.reduce((sum, part) => sum + part.durationMs, 0)).toBe(durationMs);

  // A child is explained as a run of its own, and to nobody else.
  const ofChild = await call('GET', `/v1/runs/${first.session}/why`, undefined, mine);
  expect(await ofChild.json()).toMatchObject({ parent: { runId: tree.runId, callId: 'a' }, children: [{ level: 1 }] });
  for (const other of [path, `/v1/runs/${first.session}/why`])
    expect((await call('GET', other, undefined, { 'perdure-user': 'eve' })).status).toBe(404);
});

test('a message to the run of a child is refused, and changes nothing', async () => {
  const { db } = database;
  const tree = await family(db, [child('a')]);
  const [key] = tree.children as [SessionKey];
  await start(db, tree);
  const { call } = startGateway(db);
  const mine = { 'perdure-user': key.user };
  const response = await call('POST', sessionPath(key.session, 'messages'), { content: 'Hurry.' }, mine);
  expect([response.status, await response.json()]).toMatchObject([
    expect.any(Number),
    { detail: expect.stringContaining('belongs to a run without a session') },
  ]);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(await (await call('GET', `/v1/runs/${key.session}`, undefined, mine)).json()).toMatchObject({
    status: 'queued',
    messageIds: [key.session],
  });
});
