import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import { callJson, eventsOf, pathOf, type Caller } from '../../support/gateway/http-calls.ts';
import { expectAnsweredOnce, sendUntilAccepted, type AcceptedMessage } from '../../support/process/conversations.ts';
import { callerOf } from '../../support/process/deployment.ts';
import { killMoment, untilMoment } from '../../support/process/kill-moments.ts';
import { perdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';

const AGENTS = fileURLToPath(new URL('../../support/process/context-agents', import.meta.url));
/** Each kill meets a run of each session. */
const ROUNDS = Number(process.env['PERDURE_TEST_ROUNDS'] ?? 20);
const SESSIONS = ['one', 'two'];
/** The last one's `afterRun` is called in the background. */
const PROVIDERS = ['first', 'second', 'later'];
const LATER = 'later';
/** The lines of a run: each provider before and after it, and its model call. */
const LINES = 2 * PROVIDERS.length + 1;
/** A call of a provider goes on for 150 ms after its line, so that half of the moments after a line are within its call. */
const PART_MS = 200;
const TIMEOUT = { timeout: 900_000 };

/** A model call that streams: every attempt of it has the same request, if it gets the same contributions. */
const script = (mark: string): string => `Go. @mark=${mark} @echo=answer-${mark} @chunks=20 @delay=10`;

test(
  'on the embedded store, runs that are killed at random moments keep their contributions, and afterRun takes effect once',
  TIMEOUT,
  async () => {
    // Kills that met nothing would show nothing.
    expect(rarest(await crashes({}))).toBeGreaterThan(0);
  },
);

test(
  'on PostgreSQL, runs that are killed at random moments keep their contributions, and afterRun takes effect once',
  TIMEOUT,
  async () => {
    const { url, drop } = await createPostgresDatabase();
    onTestFinished(drop);
    expect(rarest(await crashes({ DATABASE_URL: url }))).toBeGreaterThan(0);
  },
);

/** How many calls the kills met, by phase, and how many model calls. */
interface Seen {
  before: number;
  model: number;
  after: number;
  background: number;
}

async function crashes(env: Record<string, string>): Promise<Seen> {
  const random = seededRandom(chooseSeed('context crashes'));
  const home = perdureHome({ ...env, PERDURE_AGENTS: AGENTS });
  const accepted: AcceptedMessage[] = [];
  let perdure = await home.start();
  for (let round = 0; round < ROUNDS; round += 1) {
    const killed = perdure;
    const marks = SESSIONS.map((session) => ({ session, mark: `${session}-${round}` }));
    for (const { session, mark } of marks) {
      accepted.push(await sendUntilAccepted(() => killed, session, mark, script(mark)));
      // So that the kill meets the sessions at two moments.
      await sleep(random() * 300);
    }
    const met = marks[Math.floor(random() * marks.length)]?.mark ?? '';
    await untilMoment(home, met, killMoment(random, round, LINES, PART_MS));
    await perdure.kill9();
    perdure = await home.start();
    for (const { session } of marks) await untilEnded(perdure, session, round + 1);
  }
  const found = await expectAnsweredOnce(perdure, accepted, (id) => `answer-${id}`);
  const seen: Seen = { before: 0, model: 0, after: 0, background: 0 };
  for (const [session, events] of found) {
    const caller: Caller = callerOf(perdure, session);
    const state = async () => (await callJson<SessionSnapshot>(caller, 'GET', pathOf(session))).state;
    const counts = Object.fromEntries(PROVIDERS.map((name) => [name, { before: ROUNDS, after: ROUNDS }]));
    // No run waits for the background.
    await expect.poll(async () => (await state())[LATER], { timeout: 60_000, interval: 200 }).toEqual(counts[LATER]);
    expect({ session, state: await state() }).toEqual({ session, state: counts });
    for (const event of events) {
      if (event.type !== 'run.completed') continue;
      checkRun(await callJson<RunDetail>(caller, 'GET', pathOf(session, 'runs', event.runId)), home, seen);
    }
  }
  console.log(`${ROUNDS} kills met ${SESSIONS.length} runs each. Called again: ${JSON.stringify(seen)}`);
  await perdure.stop();
  return seen;
}

const rarest = ({ before, after, background }: Seen): number => Math.min(before, after, background);

async function untilEnded(perdure: PerdureProcess, session: string, runs: number): Promise<void> {
  const ended = async () =>
    (await eventsOf(callerOf(perdure, session), session)).filter(({ type }) => type === 'run.completed').length;
  await expect.poll(ended, { timeout: 60_000, interval: 200 }).toBe(runs);
}

function checkRun(run: RunDetail, home: ReturnType<typeof perdureHome>, seen: Seen): void {
  const [mark] = run.messageIds;
  const calls = run.contextCalls ?? [];
  expect({ mark, calls: calls.map(({ provider, phase, status }) => [phase, provider, status]) }).toEqual({
    mark,
    calls: ['before', 'after'].flatMap((phase) => PROVIDERS.map((name) => [phase, name, 'completed'])),
  });
  const requests = home.calls().filter((line) => line.mark === mark);
  // The text that a provider adds is another one in each of its attempts, so other contributions would be another request.
  expect({ mark, requests: new Set(requests.map(({ digest }) => digest)).size }).toEqual({ mark, requests: 1 });
  for (const { phase, provider } of calls) {
    const effects = home.effects().filter((effect) => effect.mark === mark && effect.tool === `${provider} ${phase}`);
    expect(new Set(effects.map(({ key }) => key)).size).toBe(1);
    if (effects.length > 1) seen[provider === LATER && phase === 'after' ? 'background' : phase] += 1;
  }
  if (requests.length > 1) seen.model += 1;
}
