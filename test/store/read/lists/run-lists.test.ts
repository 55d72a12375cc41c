import { beforeAll, expect, test } from 'vitest';
import type { RunOrder } from '../../../../contracts/session/run.ts';
import { listRunsAcross, type RunListing } from '../../../../store/read/lists/run-listing.ts';
import { listAllSessions } from '../../../../store/admin/reports/list-all-sessions.ts';
import type { SessionListQuery } from '../../../../store/read/lists/list-sessions.ts';
import { DATABASES, describeStores } from '../../../support/store/databases.ts';
import { insertRun, insertWait } from './insert-runs.ts';

const MINUTE = 60_000;

describeStores(DATABASES, (db) => {
  beforeAll(async () => {
    // Ended ones, by their age in minutes.
    await insertRun(db(), 'old', { status: 'completed', ageMs: 90 * MINUTE, tookMs: 5_000, cost_nanos: 3_000_000_000 });
    await insertRun(db(), 'tool', { status: 'completed', ageMs: 50 * MINUTE, tookMs: 90_000, user: 'bob' });
    await insertRun(db(), 'failed', {
      status: 'failed',
      ageMs: 40 * MINUTE,
      tookMs: 1_000,
      agent: 'other',
      agent_version: 'abcdef0123',
      error: { code: 'model_unavailable', detail: 'x' },
    });
    await insertRun(db(), 'timeout', {
      status: 'failed',
      ageMs: 35 * MINUTE,
      error: { code: 'internal', detail: 'x' },
    });
    await insertRun(db(), 'cancelled', { status: 'cancelled', ageMs: 30 * MINUTE, cost_nanos: 500_000_000 });
    await insertWait(db(), 'tool', 'tool_calls', { tool: 'search', status: 'completed' });
    // Open ones, each of which waits for something else, and has waited for its number of minutes.
    await insertRun(db(), 'worker', { status: 'queued', ageMs: 1 * MINUTE });
    await insertRun(db(), 'queue-first', { status: 'running', ageMs: 4 * MINUTE, session: 'two' });
    await insertRun(db(), 'queue', { status: 'queued', ageMs: 3 * MINUTE, session: 'two' });
    for (const [kind, ageMs] of Object.entries({ approval: 20 * MINUTE, client: 19 * MINUTE })) {
      await insertRun(db(), kind, { status: 'waiting', ageMs });
      await insertWait(db(), kind, 'inbox', { kind, agoMs: ageMs - MINUTE });
    }
    await insertRun(db(), 'rate_limit', { status: 'running', ageMs: 17 * MINUTE });
    await insertWait(db(), 'rate_limit', 'waits', { kind: 'rate_limit', agoMs: 16 * MINUTE });
    await insertRun(db(), 'calls-tool', { status: 'running', ageMs: 15 * MINUTE, model: 'held/one' });
    await insertWait(db(), 'calls-tool', 'tool_calls', { tool: 'search', status: 'running', agoMs: 14 * MINUTE });
    await insertRun(db(), 'model', { status: 'running', ageMs: 13 * MINUTE, model: 'held/one' });
    await insertWait(db(), 'model', 'model_calls', { outcome: 'running', agoMs: 12 * MINUTE });
    await insertRun(db(), 'paused', { status: 'queued', ageMs: 11 * MINUTE, agent: 'stopped' });
    await insertRun(db(), 'paused-provider', { status: 'running', ageMs: 11 * MINUTE, model: 'held/one' });
    await insertRun(db(), 'paused-tool', { status: 'running', ageMs: 11 * MINUTE });
    await insertWait(db(), 'paused-tool', 'tool_calls', { tool: 'locked', status: 'pending', agoMs: 11 * MINUTE });
    await db().query(
      `INSERT INTO perdure.pauses (kind, name, refuses, stops, actor, since)
       SELECT k, n, false, false, 'ops', now() - interval '10 minutes'
         FROM (VALUES ('agent', 'stopped'), ('provider', 'held'), ('tool', 'locked')) v (k, n)`,
      [],
    );
  }, 60_000);

  const list = async (listing: Partial<RunListing>, user: string | null = null): Promise<string[]> => {
    const { data } = await listRunsAcross(db(), user, { order: 'newest', limit: 100, ...listing });
    return data.map(({ id }) => id);
  };

  test.each<[string, Partial<RunListing>, string[]]>([
    ['agent', { agent: 'other' }, ['failed']],
    ['agent version, by the beginning', { agentVersion: 'abcdef' }, ['failed']],
    ['tool', { tool: 'search' }, ['calls-tool', 'tool']],
    ['error', { errorCode: 'model_unavailable' }, ['failed']],
    ['status', { status: 'failed' }, ['timeout', 'failed']],
    ['cost, both inclusive', { minCostUsd: 0.5, maxCostUsd: 3 }, ['cancelled', 'old']],
    ['cost above', { minCostUsd: 0.500001 }, ['old']],
    ['age', { minAgeMs: 35 * MINUTE, maxAgeMs: 60 * MINUTE }, ['timeout', 'failed', 'tool']],
    ['wait', { waitingFor: 'approval' }, ['approval']],
    ['time of the wait', { minWaitMs: 17 * MINUTE }, ['client', 'approval']],
    ['wait for a worker', { waitingFor: 'worker' }, ['worker', 'queue-first']],
    [
      'all of them',
      { status: 'waiting', waitingFor: 'client', minWaitMs: 1, agent: 'assistant', maxCostUsd: 0 },
      ['client'],
    ],
    ['a wait of runs that have ended', { status: 'failed', minWaitMs: 0 }, []],
    ['an error of open runs', { status: 'open', errorCode: 'internal' }, []],
  ])('runs are selected by %s', async (_, filter, expected) => {
    expect(await list(filter)).toEqual(expected);
  });

  test('runs are selected by their user', async () => {
    expect(await list({}, 'bob')).toEqual(['tool']);
    expect(await list({ tool: 'search' }, 'ann')).toEqual(['calls-tool']);
  });

  test('an open run has what it waits for, and since when; one that has ended has not', async () => {
    const { data } = await listRunsAcross(db(), null, { order: 'newest', limit: 100 });
    const now = Date.now();
    const waits = Object.fromEntries(
      data.map(({ id, waitingFor }) => [
        id,
        waitingFor && `${waitingFor.what} ${Math.round((now - Date.parse(waitingFor.since)) / MINUTE)}`,
      ]),
    );
    expect(waits).toEqual({
      old: null,
      tool: null,
      failed: null,
      timeout: null,
      cancelled: null,
      worker: 'worker 1',
      'queue-first': 'worker 4',
      queue: 'queue 3',
      approval: 'approval 19',
      client: 'client 18',
      rate_limit: 'rate_limit 16',
      'calls-tool': 'tool 14',
      model: 'model 12',
      paused: 'paused 10',
      'paused-provider': 'paused 10',
      'paused-tool': 'paused 10',
    });
  });

  test.each<[RunOrder, string[]]>([
    ['newest', ['worker', 'queue', 'queue-first']],
    ['slowest', ['approval', 'client', 'rate_limit']],
    ['dearest', ['old', 'cancelled']],
    ['waiting', ['approval', 'client', 'rate_limit']],
  ])('runs are listed in the order %s, whatever the pages', async (order, first) => {
    const whole = await list({ order });
    expect(whole.slice(0, first.length)).toEqual(first);
    expect(whole).toHaveLength(order === 'waiting' ? 11 : 16);
    for (const limit of [1, 2, 5]) {
      const paged: string[] = [];
      let cursor: string | null | undefined;
      do {
        const page = await listRunsAcross(db(), null, { order, limit, ...(cursor ? { cursor } : {}) });
        expect(page.data.length).toBeLessThanOrEqual(limit);
        paged.push(...page.data.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(paged).toEqual(whole);
    }
  });

  test('a cursor of another order, and any other text, is refused', async () => {
    const { nextCursor } = await listRunsAcross(db(), null, { order: 'dearest', limit: 1 });
    const another = listRunsAcross(db(), null, { order: 'slowest', limit: 1, cursor: nextCursor ?? '' });
    await expect(another).rejects.toMatchObject({ code: 'invalid_request' });
    for (const cursor of [nextCursor ?? '', 'x', Buffer.from('["newest","a","b","c","d","e"]').toString('base64url')]) {
      await expect(listRunsAcross(db(), null, { order: 'newest', limit: 1, cursor })).rejects.toMatchObject({
        code: 'invalid_request',
      });
    }
  });

  test.each<[string, Partial<SessionListQuery>, string[]]>([
    ['the agent version of a run', { agentVersion: 'abcdef' }, ['failed']],
    ['a tool of a run', { tool: 'search' }, ['calls-tool', 'tool']],
    ['the error of a run', { errorCode: 'internal' }, ['timeout']],
    ['what a run waits for', { waitingFor: 'queue' }, ['two']],
    ['how long a run waits', { minWaitMs: 18 * MINUTE }, ['approval', 'client']],
    ['their cost', { minCostUsd: 1 }, ['old']],
    [
      'their age and agent',
      { minAgeMs: 30 * MINUTE, maxAgeMs: 45 * MINUTE, agent: 'assistant' },
      ['cancelled', 'timeout'],
    ],
    ['their activity', { minIdleMs: 45 * MINUTE }, ['old', 'tool']],
  ])('sessions are selected by %s', async (_, filter, expected) => {
    const { data } = await listAllSessions(db(), { limit: 100, ...filter });
    expect(data.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
  });
});
