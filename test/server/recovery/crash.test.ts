import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionSnapshot } from '../../../contracts/session/session.ts';
import type { ScriptedLogLine } from '../../../models/scripted/scripted-log.ts';
import { createPostgresDatabase } from '../../support/store/databases.ts';
import {
  call,
  callJson,
  distribution,
  eventsOf,
  pathOf,
  readStream,
  type Caller,
} from '../../support/gateway/http-calls.ts';
import { killMoment, untilMoment } from '../../support/process/kill-moments.ts';
import { perdureHome, type PerdureHome, type PerdureProcess } from '../../support/process/perdure-process.ts';
import type { Effect } from '../../support/process/process-agents/agents.ts';
import { replaySession } from '../../support/temporal/replay-session.ts';
import { chooseSeed, seededRandom } from '../../support/seeded-random.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

const ROUNDS = Number(process.env['PERDURE_TEST_ROUNDS'] ?? 15);
const SESSIONS = [
  { user: 'ann', id: 'one', agent: 'assistant' },
  { user: 'ann', id: 'two', agent: 'assistant' },
  { user: 'bob', id: 'one', agent: 'stepwise' },
  { user: 'bob', id: 'two', agent: 'stepwise' },
] as const;
type Session = (typeof SESSIONS)[number];

const STEPS = 4;
/** The lines of a run: its model calls, and its tools in between. */
const LINES = 2 * STEPS - 1;
/** About as long as each of these takes. */
const PART_MS = 300;
/** Four model calls that stream, with a tool of each kind in between. */
function script(mark: string): string {
  const tool = (name: string, ms: number) => `@tool=${name}:${JSON.stringify({ mark, ms })}`;
  return [
    `Go. @mark=${mark} @chunks=20 @delay=15 ${tool('note', 200)}`,
    `@then @chunks=5 @delay=15 ${tool('note_apart', 200)}`,
    `@then @chunks=5 @delay=15 ${tool('act', 500)}`,
    `@then @echo=answer-${mark} @chunks=20 @delay=15`,
  ].join(' ');
}

const markOf = (round: number, { user, id }: Session): string => `${round}-${user}-${id}`;

const TIMEOUT = { timeout: 900_000 };

test(
  'on the embedded server and store, a process killed at random moments answers each message once',
  TIMEOUT,
  async () => {
    // Kills that met nothing would show nothing.
    expect(rarest(await crashes({}))).toBeGreaterThan(0);
  },
);

test(
  'on PostgreSQL and a Temporal server apart, a process killed at random moments answers each message once, and its sessions replay',
  TIMEOUT,
  async () => {
    const { url, drop } = await createPostgresDatabase();
    onTestFinished(drop);
    const temporal = await privateTemporal();
    onTestFinished(() => temporal.stop());
    expect(rarest(await crashes({ DATABASE_URL: url, TEMPORAL_ADDRESS: temporal.address }))).toBeGreaterThan(0);
    const connection = await Connection.connect({ address: temporal.address });
    onTestFinished(() => connection.close());
    const client = new Client({ connection });
    for (const { user, id } of SESSIONS) await replaySession(client, { user, session: id });
  },
);

/** What the kills met, over all messages. */
interface Seen {
  streams: number;
  reruns: number;
  unknown: number;
}

const rarest = (seen: Seen): number => Math.min(seen.streams, seen.reruns, seen.unknown);

async function crashes(env: Record<string, string>): Promise<Seen> {
  const random = seededRandom(chooseSeed('crashes'));
  const home = perdureHome(env);
  const goOnMs: number[] = [];
  let perdure = await home.start();
  for (let round = 0; round < ROUNDS; round += 1) {
    const killed = perdure;
    const deliveries = SESSIONS.map((session) => sleep(random() * 400).then(() => deliver(killed, session, round)));
    // What is cut off on the way is sent again below, under the same id.
    const delivered = Promise.allSettled(deliveries);
    const met = Math.floor(random() * SESSIONS.length);
    const moment = untilMoment(
      home,
      markOf(round, SESSIONS[met] as Session),
      killMoment(random, round, LINES, PART_MS),
    );
    await Promise.race([moment, failed(deliveries[met] as Promise<void>)]);
    const killedAt = Date.now();
    await perdure.kill9();
    await delivered;
    perdure = await home.start();
    goOnMs.push(...(await Promise.all(SESSIONS.map((session) => answered(perdure, session, round, killedAt)))).flat());
  }
  const seen: Seen = { streams: 0, reruns: 0, unknown: 0 };
  for (const session of SESSIONS) {
    const events = await eventsOf(callerOf(perdure, session), session.id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const snapshot = () => callJson<SessionSnapshot>(callerOf(perdure, session), 'GET', pathOf(session.id));
    const { state } = await snapshot();
    // Each call of a tool has counted once and started one workflow, however often it was run.
    expect({ note: state['note']?.['count'], apart: state['note_apart']?.['count'] }).toEqual({
      note: ROUNDS,
      apart: ROUNDS,
    });
    await expect.poll(async () => (await snapshot()).children?.length, { timeout: 60_000 }).toBe(ROUNDS);
    for (let round = 0; round < ROUNDS; round += 1) checkMessage(events, home, markOf(round, session), seen);
  }
  console.log(
    `${ROUNDS} kills; model calls begun again ${seen.streams}, idempotent tools run again ${seen.reruns}, tools reported unknown ${seen.unknown}.\n` +
      `From being ready again until an interrupted run goes on: ${distribution(goOnMs)}`,
  );
  await perdure.stop();
  return seen;
}

/** Resolves when the work has failed; never when it has not. */
async function failed(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => new Promise(() => {}),
    () => {},
  );
}

function callerOf({ url }: PerdureProcess, { user }: Session): Caller {
  return { url, user };
}

async function deliver(perdure: PerdureProcess, session: Session, round: number): Promise<void> {
  const mark = markOf(round, session);
  const message = { id: mark, content: script(mark), agent: session.agent };
  const response = await call(callerOf(perdure, session), 'POST', pathOf(session.id, 'messages'), message);
  expect({ mark, status: response.status }).toEqual({ mark, status: 202 });
  await response.body?.cancel();
}

/** Sends the round's message again and waits for its answer. Resolves with the time until its run went on, if the kill interrupted it. */
async function answered(perdure: PerdureProcess, session: Session, round: number, killedAt: number): Promise<number[]> {
  await deliver(perdure, session, round);
  const mark = markOf(round, session);
  let runId: string | undefined;
  let startedAt = Infinity;
  let wentOnAt: number | undefined;
  await readStream(callerOf(perdure, session), session.id, {}, ({ event }) => {
    if (event.type === 'message.received' && event.messageId === mark) runId = event.runId;
    if (runId === undefined || !('runId' in event) || event.runId !== runId) return false;
    const at = Date.parse(event.at);
    if (event.type === 'run.started') startedAt = at;
    else if (at > killedAt && event.type !== 'step.retracted' && event.type !== 'message.received') wentOnAt ??= at;
    return event.type === 'run.completed' || event.type === 'run.failed' || event.type === 'run.cancelled';
  });
  return startedAt < killedAt && wentOnAt !== undefined ? [Math.max(0, wentOnAt - perdure.readyAt)] : [];
}

function checkMessage(events: readonly PerdureEvent[], home: PerdureHome, mark: string, seen: Seen): void {
  const received = events.filter((event) => event.type === 'message.received' && event.messageId === mark);
  expect({ mark, received: received.length }).toEqual({ mark, received: 1 });
  const runId = (received[0] as { runId?: string }).runId;
  const run = events.filter((event) => 'runId' in event && event.runId === runId);
  const ends = run.filter(({ type }) => /^run\.(?:completed|failed|cancelled)$/.test(type));
  expect(ends).toEqual([expect.objectContaining({ type: 'run.completed', output: `answer-${mark}`, steps: STEPS })]);
  const replies = run.filter((event) => event.type === 'message.completed');
  expect(replies.map(({ step, partial }) => ({ step, partial }))).toEqual(
    Array.from({ length: STEPS }, (_, index) => ({ step: index + 1, partial: false })),
  );
  const calls = home.calls().filter((line) => line.mark === mark);
  for (const reply of replies) {
    checkCalls(reply, calls);
    if (reply.attempt > 1) seen.streams += 1;
  }
  const effects = home.effects().filter((effect) => effect.mark === mark);
  checkIdempotent(run, effects, 'note', seen);
  checkIdempotent(run, effects, 'note_apart', seen);
  checkUnrepeatable(run, effects, seen);
}

/** The model was asked before the reply was committed, at most once by each attempt, and never afterwards. */
function checkCalls(
  reply: Extract<PerdureEvent, { type: 'message.completed' }>,
  calls: readonly ScriptedLogLine[],
): void {
  const ofStep = calls.filter(({ step }) => step === reply.step);
  expect(ofStep.length).toBeGreaterThan(0);
  expect(ofStep.length).toBeLessThanOrEqual(reply.attempt);
  const late = ofStep.filter(({ at }) => Date.parse(at) > Date.parse(reply.at));
  expect(late).toEqual([]);
}

function resultsOf(run: readonly PerdureEvent[], tool: string): PerdureEvent[] {
  return run.filter((event) => 'tool' in event && event.tool === tool && event.type !== 'tool.called');
}

function checkIdempotent(run: readonly PerdureEvent[], effects: readonly Effect[], tool: string, seen: Seen): void {
  const mine = effects.filter((effect) => effect.tool === tool);
  const keys = new Set(mine.map(({ key }) => key));
  expect(keys.size).toBe(1);
  const [key] = keys;
  const results = resultsOf(run, tool);
  expect(results).toEqual([expect.objectContaining({ type: 'tool.completed', result: { key } })]);
  const [result] = results;
  if (result?.type === 'tool.completed' && result.attempts > 1) seen.reruns += 1;
}

function checkUnrepeatable(run: readonly PerdureEvent[], effects: readonly Effect[], seen: Seen): void {
  const mine = effects.filter(({ tool }) => tool === 'act');
  expect(mine.length).toBeLessThanOrEqual(1);
  const results = resultsOf(run, 'act');
  expect(results).toHaveLength(1);
  const [result] = results;
  if (result?.type === 'tool.unknown') {
    seen.unknown += 1;
    return;
  }
  expect(result).toMatchObject({ type: 'tool.completed', result: { key: mine[0]?.key }, attempts: 1 });
}
