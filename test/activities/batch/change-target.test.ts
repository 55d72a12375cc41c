import { beforeAll, expect, test, vi } from 'vitest';
import { changeTarget } from '../../../activities/batch/change-target.ts';
import type { ActivityDeps } from '../../../activities/shared/deps.ts';
import { batchRequestSchema, type BatchInput } from '../../../contracts/admin/batch.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { insertRun } from '../../store/read/lists/insert-runs.ts';

type Cancel = ActivityDeps['commands']['cancel'];

const database = embeddedDatabase();
const asOf = new Date().toISOString();

beforeAll(async () => {
  const { db } = database;
  await insertRun(db, 'open', { status: 'running', ageMs: 60_000, session: 'session' });
  await insertRun(db, 'alone', { status: 'running', ageMs: 60_000 });
  await insertRun(db, 'over', { status: 'cancelled', ageMs: 60_000 });
  await insertRun(db, 'failed', { status: 'failed', ageMs: 60_000, error: { code: 'internal', detail: 'x' } });
});

/** Changes a run of `ann`, with these commands to its workflow. */
async function change(
  request: BatchInput,
  runId: string,
  { begunBefore = false, ...commands }: Partial<ActivityDeps['commands']> & { readonly begunBefore?: boolean } = {},
) {
  const key = { user: 'ann', session: runId === 'open' ? 'session' : runId };
  const deps = { db: database.db, commands } as unknown as ActivityDeps;
  const order = batchRequestSchema.parse(request);
  return await changeTarget(deps, { order, asOf }, { item: 1, key, runId, begunBefore });
}

async function refuse(): Promise<never> {
  throw new PerdureError('session_ended', 'The session has ended.');
}

async function keepSilent(): Promise<never> {
  throw new PerdureError('temporal_unavailable', 'Nobody answers.');
}

const CANCEL: BatchInput = { action: 'cancel', filter: { agent: 'assistant' } };

test('a run of a session is cancelled by its session, one without a session by its own workflow', async () => {
  const cancel = vi.fn<Cancel>(async () => ({ runId: 'open' }));
  const cancelRun = vi.fn<Cancel>(async () => ({ runId: 'alone' }));
  expect(await change(CANCEL, 'open', { cancel, cancelRun })).toEqual({ outcome: 'done' });
  expect(cancel).toHaveBeenCalledExactlyOnceWith({ user: 'ann', session: 'session' }, { runId: 'open' });
  expect(await change(CANCEL, 'alone', { cancel, cancelRun })).toEqual({ outcome: 'done' });
  expect(cancelRun).toHaveBeenCalledExactlyOnceWith({ user: 'ann', session: 'alone' }, { runId: 'alone' });
});

test('what does not match any more is skipped without a command; what an interrupted attempt has changed is done', async () => {
  expect(await change(CANCEL, 'over')).toMatchObject({ outcome: 'skipped', code: 'no_match' });
  expect(await change({ action: 'cancel', filter: { minWaitMs: 3_600_000 } }, 'open')).toMatchObject({
    code: 'no_match',
  });
  expect(await change(CANCEL, 'over', { begunBefore: true })).toEqual({ outcome: 'done' });
  expect(await change(CANCEL, 'failed', { begunBefore: true })).toMatchObject({ outcome: 'skipped' });
});

test('a refusal is skipped with its code, and a run without a session is not resumed', async () => {
  await insertRun(database.db, 'ended', { status: 'failed', ageMs: 60_000, session: 'ended-session' });
  const key = { user: 'ann', session: 'ended-session' };
  const order = batchRequestSchema.parse({ action: 'resume', filter: { all: true } });
  const deps = { db: database.db, commands: { resume: refuse } } as unknown as ActivityDeps;
  const target = { item: 1, key, runId: 'ended', begunBefore: false };
  expect(await changeTarget(deps, { order, asOf }, target)).toMatchObject({
    outcome: 'skipped',
    code: 'session_ended',
  });
  expect(await change({ action: 'resume', filter: { all: true } }, 'failed')).toMatchObject({ code: 'one_off' });
});

test('a command that nobody answers is tried again, and has failed after five attempts', async () => {
  const cancel = vi.fn<Cancel>(keepSilent);
  expect(await change(CANCEL, 'open', { cancel })).toMatchObject({ outcome: 'failed', code: 'temporal_unavailable' });
  expect(cancel).toHaveBeenCalledTimes(5);
}, 60_000);
