import { expect, test } from 'vitest';
import type { AgentVersion } from '../../../contracts/agent.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { hasCandidate } from '../../../core/releases/has-candidate.ts';
import { removeRelease, saveRelease } from '../../../store/admin/releases/save-release.ts';
import { readVersionStats } from '../../../store/admin/releases/read-version-stats.ts';
import { readReleases } from '../../../store/admin/releases/read-releases.ts';
import { saveAgentVersion } from '../../../store/runs/agent-versions.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const versionOf = (instructions: string): AgentVersion =>
  registry([{ name: 'assistant', instructions }], []).agent('assistant') as AgentVersion;

test('a share of the users gets a released version from their next run on, and all return to the earlier one', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    agents: [{ name: 'assistant', instructions: 'new' }],
    model: ({ instructions }) => instructions,
  });
  const { db, sender } = stack;
  const [base, candidate] = [versionOf('old'), versionOf('new')];
  await saveAgentVersion(db, base);
  const keys = Array.from({ length: 12 }, (_, at): SessionKey => ({ ...stack.key(), user: `user-${at}` }));
  const ended = new Map<SessionKey, number>();
  const answers = async (): Promise<string[]> =>
    await Promise.all(
      keys.map(async (key) => {
        const runs = (ended.get(key) ?? 0) + 1;
        ended.set(key, runs);
        await sender.submit(key, { content: 'which?' });
        const last = (await stack.ended(key, runs)).at(-1);
        return last?.type === 'run.completed' ? last.output : String(last?.type);
      }),
    );
  /** Saves a release, and waits until a run of a user shows it: workers read releases every second. */
  const release = async (share: number): Promise<void> => {
    await saveRelease(db, { agent: 'assistant', base: base.hash, candidate: candidate.hash, share });
  };
  expect(new Set(await answers())).toEqual(new Set(['new']));

  await release(0.5);
  const [stored] = await readReleases(db, 'assistant');
  const expected = keys.map(({ user }) => (hasCandidate(stored as NonNullable<typeof stored>, user) ? 'new' : 'old'));
  expect(new Set(expected).size).toBe(2);
  await expect.poll(answers, { timeout: 15_000 }).toEqual(expected);
  // Sticky.
  expect(await answers()).toEqual(expected);

  await release(0);
  await expect.poll(answers, { timeout: 15_000 }).toEqual(keys.map(() => 'old'));
  const stats = await readVersionStats(db, 'assistant', 7);
  const runsOf = (hash: string) => stats.find(({ version }) => version === hash)?.runs ?? 0;
  expect(runsOf(base.hash)).toBeGreaterThan(12);
  expect(runsOf(candidate.hash)).toBeGreaterThan(12);

  await removeRelease(db, 'assistant');
  await expect.poll(answers, { timeout: 15_000 }).toEqual(keys.map(() => 'new'));
}, 60_000);
