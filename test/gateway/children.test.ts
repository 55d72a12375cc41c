import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { WorkflowExecution } from '../../client/temporal/temporal-state.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import { recordChild } from '../../store/sessions/children.ts';
import { embeddedDatabase } from '../support/store/databases.ts';
import { sessionPath, startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

const at = '2026-01-01T00:00:00.000Z';
const execution = (workflowId: string, status: WorkflowExecution['status']): [string, WorkflowExecution] => [
  workflowId,
  { workflowId, status, startedAt: status === 'absent' ? null : at },
];

test('children are those running according to Temporal, and unknown while it does not respond', async () => {
  const { call, sender } = startGateway(database.db);
  const session = randomUUID();
  const children = async () => ((await (await call('GET', sessionPath(session))).json()) as SessionSnapshot).children;
  await call('POST', '/v1/sessions', { id: session });
  sender.temporal = null;
  // Without children Temporal is not called.
  expect(await children()).toEqual([]);

  const common = { type: 'report', taskQueue: 'reports', runId: 'r1', tool: 'write' };
  for (const workflowId of ['a', 'b', 'c'])
    await recordChild(database.db, { user: 'local', session }, { ...common, workflowId });
  expect(await children()).toBeNull();
  sender.temporal = new Map([execution('a', 'over'), execution('b', 'absent'), execution('c', 'running')]);
  expect(await children()).toEqual([{ ...common, workflowId: 'c', startedAt: at }]);
  // One that was over is not looked up again; one that was absent may not have been started yet.
  sender.temporal = new Map([execution('a', 'running'), execution('b', 'running')]);
  expect((await children())?.map(({ workflowId }) => workflowId)).toEqual(['b']);
});
