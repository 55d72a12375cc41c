import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { expect, onTestFinished, test } from 'vitest';
import { createMemories } from '../../memory/create-memories.ts';
import { functionModels } from '../../testing/function-models.ts';
import type { Db } from '../../store/db/db.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { FailedExecutions } from '../../worker/failed-executions.ts';
import { startUpkeep } from '../../worker/upkeep/upkeep.ts';
import { FakeEmbedder } from '../memory/fake-embedder.ts';
import { registry } from '../support/stack.ts';
import { embeddedDatabase } from '../support/store/databases.ts';

const store = embeddedDatabase();
/** A lease is held for three times as long. */
const EVERY_MS = 1_000;

/** The upkeep of a worker, and a switch that cuts it off from Temporal. Everything but the lease fails. */
function upkeepOf(db: Db, memories = createMemories({ db })): { cut(): void } {
  let isCut = false;
  const client = {
    withDeadline: (_: number, work: () => Promise<unknown>) => work(),
    workflowService: {
      getSystemInfo: async () => {
        if (isCut) throw new Error('Temporal does not respond.');
        return {};
      },
    },
  } as unknown as Client;
  const upkeep = startUpkeep(
    {
      db,
      client,
      agents: registry([], []),
      deployment: {},
      memories,
      models: functionModels(() => 'ok'),
      telemetry: createTelemetry(),
      connection: {} as NativeConnection,
      address: '127.0.0.1:1',
      namespace: 'default',
      taskQueue: 'any',
      workerId: randomUUID(),
      schedules: false,
      failed: new FailedExecutions(),
      continueChildren: async () => {},
    },
    { everyMs: EVERY_MS },
  );
  onTestFinished(() => upkeep.stop());
  return {
    cut: () => {
      isCut = true;
    },
  };
}

test('a worker that is cut off from Temporal leaves the upkeep to another one', async () => {
  const { db } = store;
  const holder = async () =>
    (
      await db.query<{ holder: string; held: boolean }>(
        `SELECT holder, expires_at > clock_timestamp() AS held FROM perdure.leases WHERE name = 'upkeep:default:any'`,
        [],
      )
    )[0];
  const first = upkeepOf(db);
  await expect.poll(holder).toMatchObject({ held: true });
  const before = await holder();
  upkeepOf(db);
  first.cut();
  await expect.poll(async () => (await holder())?.holder, { timeout: 8 * EVERY_MS }).not.toBe(before?.holder);
});

test('the worker that has the lease adds the vectors that memories lack, even if other repairs fail', async () => {
  const embedder = new FakeEmbedder();
  const content = `Has a dog ${randomUUID()}`;
  const without = createMemories({ db: store.db });
  const { vector } = await without.remember('ada', { content });
  const memories = createMemories({ db: store.db, embedder });
  upkeepOf(store.db, memories);

  expect(vector).toBe('off');
  await expect.poll(() => embedder.requests.flat(), { timeout: 8 * EVERY_MS }).toContain(content);
});
