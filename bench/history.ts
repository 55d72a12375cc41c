import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { workflowIdOf } from '../contracts/session/session-key.ts';
import { TURN } from './bench-agent.ts';
import { atMost, type Aim, type Benchmark, type BenchmarkRow } from './benchmark.ts';
import { median } from './statistics.ts';
import { REST_MS, turnsOf } from './talk.ts';
import type { World } from './world.ts';

const { HistoryEvent } = proto.temporal.api.history.v1;

/** Events and bytes of a turn in the workflow's history. */
export const history: Benchmark = {
  name: 'history',
  describe:
    'Events and bytes of workflow history that one turn adds, early and late in a session: what Temporal stores, and what is replayed after a workflow has left its worker’s cache.',
  async run(world) {
    const rows: BenchmarkRow[] = [];
    const aims: Aim[] = [];
    for (const kind of ['plain', 'tool'] as const) {
      const { early, late, turns } = await measure(world, TURN[kind]);
      rows.push({ what: `${kind}, turns 2 to 21`, values: early });
      rows.push({ what: `${kind}, turns ${turns - 20} to ${turns - 1}`, values: late });
      const growth = (late['bytes'] ?? Number.NaN) / (early['bytes'] ?? Number.NaN);
      aims.push(atMost(`history of a ${kind} turn, late`, growth, 1.02, ' × early'));
    }
    return { rows, aims };
  },
};

async function measure(world: World, content: string) {
  const talk = world.talk();
  const between = world.size(200, 20);
  // Pauses, so that each turn is in the history before the next one starts.
  await turnsOf(talk, content, 21, REST_MS);
  await turnsOf(talk, content, between);
  await turnsOf(talk, content, 22, REST_MS);
  talk.close();
  const all = await historyByTurn(world.client, workflowIdOf(talk.key));
  const turns = between + 43;
  // The first turn includes the start of the workflow, and the last may be incomplete.
  return { early: typical(all.slice(1, 21)), late: typical(all.slice(turns - 21, turns - 1)), turns };
}

interface TurnHistory {
  events: number;
  bytes: number;
}

/** Splits a history at the acceptance of updates. Bytes are those of the events as the server stores them. */
async function historyByTurn(client: Client, workflowId: string): Promise<TurnHistory[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const turns: TurnHistory[] = [];
  for (const event of events ?? []) {
    if (event.workflowExecutionUpdateAcceptedEventAttributes) turns.push({ events: 0, bytes: 0 });
    const turn = turns.at(-1);
    if (!turn) continue;
    turn.events += 1;
    turn.bytes += HistoryEvent.encode(event).finish().length;
  }
  return turns;
}

/** The median, which ignores the events of workflow tasks that timed out. */
function typical(turns: readonly TurnHistory[]): Record<string, number> {
  return { events: median(turns.map(({ events }) => events)), bytes: median(turns.map(({ bytes }) => bytes)) };
}
