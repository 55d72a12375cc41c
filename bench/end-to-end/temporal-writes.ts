import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { workflowIdOf } from '../../contracts/session/session-key.ts';
import { atMost, type Aim, type BenchmarkRow } from '../benchmark.ts';
import { userOf } from './driver/gateway-session.ts';
import type { EndToEndBenchmark, EndToEndSetting } from './end-to-end-benchmark.ts';
import { durationMs, MESSAGE } from './messages.ts';
import { callsBetween, readPersistence, writesIn, type PersistenceCounts } from './observe/temporal-metrics.ts';
import { startPeople, type People } from './people.ts';
import { startPerdure } from './systems/start-system.ts';
import type { PerdureSystem } from './systems/perdure-system.ts';
import { TEMPERATURE_ENV, TEMPERATURES } from './temperature.ts';

/** What Temporal does for a session. */
export const temporalWrites: EndToEndBenchmark = {
  name: 'temporal-writes',
  describe:
    'What Temporal stores: history events, bytes and state transitions of the session’s workflow, and writes of executions and tasks by the server (from its metrics), a tool turn. Turns follow each other at once.',
  async run(setting) {
    await using people = await startPeople();
    const rows: BenchmarkRow[] = [];
    const rates: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    for (const temperature of TEMPERATURES) {
      const options = { provider: people.providerUrl, env: TEMPERATURE_ENV[temperature] };
      await using system = await startPerdure(setting, options);
      const what = `Perdure, ${temperature}`;
      const values = await measureTurns(setting, people, system);
      rows.push({ what, values });
      if (temperature === 'hot')
        aims.push(atMost('history of a hot turn', values['events'] ?? Number.NaN, 0, ' events'));
      const measured = await measureRates(setting, people, system);
      rates.push({ what, values: measured });
      aims.push(...(temperature === 'hot' ? rateAims(measured) : []));
    }
    return { rows, aims, tables: [{ name: 'temporal-writes a second', describe: RATES, rows: rates }] };
  },
};

const RATES =
  'Writes of executions and tasks by the Temporal server, a second and session, while answers of 10 s stream, and in the seconds after them; less those of the server without a session.';

async function measureTurns(setting: EndToEndSetting, { driver }: People, system: PerdureSystem) {
  const session = randomUUID();
  const count = setting.size(100, 5);
  const take = (turns: number) =>
    driver.run('successiveTurns', { url: system.url, content: MESSAGE.tool, session, count: turns });
  await take(2);
  const before = await describe(system, session);
  await take(count);
  const after = await describe(system, session);
  const calls = callsBetween(before.persistence, after.persistence);
  const updates = calls['UpdateWorkflowExecution'] ?? 0;
  return {
    events: (after.events - before.events) / count,
    bytes: (after.bytes - before.bytes) / count,
    'state transitions': (after.transitions - before.transitions) / count,
    writes: writesIn(calls) / count,
    'of them UpdateWorkflowExecution': updates / count,
    'all calls to its database': Object.values(calls).reduce((sum, n) => sum + n, 0) / count,
    turns: count,
  };
}

/** Describes the workflow of a session once it does nothing more. Fewer turns than make it continue as new lie between two of them. */
async function describe(system: PerdureSystem, session: string) {
  await delay(SETTLE_MS);
  const connection = await Connection.connect({ address: system.temporalAddress });
  try {
    const client = new Client({ connection });
    const handle = client.workflow.getHandle(workflowIdOf({ user: userOf(session), session }));
    const { raw } = await handle.describe();
    const info = raw.workflowExecutionInfo;
    return {
      events: Number(info?.historyLength),
      bytes: Number(info?.historySizeBytes),
      transitions: Number(info?.stateTransitionCount),
      persistence: await persistenceOf(system),
    };
  } finally {
    await connection.close();
  }
}

/** Time for the last workflow task of a turn, and for the server to update its metrics, which it does every second or so. */
const SETTLE_MS = 3_000;

async function persistenceOf(system: PerdureSystem): Promise<PersistenceCounts> {
  const [pid] = system.processes().Temporal ?? [];
  return (pid === undefined ? undefined : await readPersistence(pid)) ?? {};
}

const SESSIONS = 20;
/** Excluded at the beginning and the end of a stream. */
const EDGE_MS = 2_000;

async function measureRates(setting: EndToEndSetting, { driver }: People, system: PerdureSystem) {
  const answer = { deltas: setting.size(200, 100), everyMs: 50 };
  const windowMs = durationMs(answer) - 2 * EDGE_MS;
  const idle = await writesDuring(system, windowMs);
  const input = { url: system.url, perSecond: 1_000, seconds: SESSIONS / 1_000, answer, graceMs: 30_000 };
  const streamed = driver.run('burst', input);
  await delay(EDGE_MS);
  const streaming = await writesDuring(system, windowMs);
  await streamed;
  await delay(EDGE_MS);
  const lingering = await writesDuring(system, windowMs);
  const rate = (writes: number) => Math.max(0, writes - idle) / SESSIONS / (windowMs / 1_000);
  return {
    streaming: rate(streaming),
    'after an answer': rate(lingering),
    'without a session': idle / (windowMs / 1_000),
  };
}

async function writesDuring(system: PerdureSystem, ms: number): Promise<number> {
  const before = await persistenceOf(system);
  await delay(ms);
  return writesIn(callsBetween(before, await persistenceOf(system)));
}

function rateAims(rates: Readonly<Record<'streaming' | 'after an answer', number>>): Aim[] {
  return [
    none('Temporal writes of a streaming session', rates.streaming),
    none('Temporal writes of a session after an answer', rates['after an answer']),
  ];
}

/** A write of the server for itself, within the seconds that are measured, is no write of a session. */
function none(what: string, rate: number): Aim {
  return { ...atMost(what, rate, 0, ' a second'), met: rate < 0.01 };
}
