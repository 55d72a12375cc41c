import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWorkflowFor } from '../../../activities/tools/start-workflow.ts';
import type { WorkflowStarter } from '../../../activities/shared/temporal/workflow-starter.ts';
import type { Db } from '../../../store/db/db.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readSnapshot } from '../../../store/read/read-snapshot.ts';

let db: Db;
beforeAll(async () => {
  db = await openMemoryStore();
});
afterAll(() => db.close());

test('a workflow is noted before it is started, so that none is started that nobody knows of', async () => {
  const session = { user: 'ada', session: 'main' };
  await getOrCreateSession(db, session, { agent: 'assistant', kind: 'session', execution: null });
  const noted = async () =>
    (await readSnapshot(db, session, () => ({ idleTimeoutMs: 1, maxAgeMs: 1 })))?.recordedChildren;
  const seen: unknown[] = [];
  const workflows: WorkflowStarter = {
    cancel: async () => {},
    async start({ workflowId }) {
      seen.push(await noted());
      if (seen.length === 1) throw new Error('Temporal is away.');
      return { workflowId, result: async () => null, cancel: async () => {} };
    },
    ended: async () => ({ over: [], absent: [] }),
  };
  const caller = { session, workflowId: 'ada:main', runId: 'r1', tool: 'write', idempotencyKey: 'k1' };
  const tryOnce = () => startWorkflowFor({ db, workflows }, caller)('report', { taskQueue: 'reports' });

  await expect(tryOnce()).rejects.toThrow('Temporal is away.');
  expect(await tryOnce()).toMatchObject({ workflowId: 'child-k1' });
  const note = { workflowId: 'child-k1', type: 'report', taskQueue: 'reports', runId: 'r1', tool: 'write' };
  expect(seen).toEqual([[note], [note]]);
});
