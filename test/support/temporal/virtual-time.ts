import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Db } from '../../../store/db/db.ts';
import { openMemoryStore } from '../store/memory-store.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { installRuntime } from '../../../worker/temporal-runtime.ts';
import { withShiftedClock } from '../shifted-clock.ts';
import { timeSkippingServer } from './time-skipping.ts';

/** A time-skipping Temporal server, and a store with the same clock. */
export interface VirtualTime extends AsyncDisposable {
  readonly address: string;
  readonly db: Db;
  /** The time of both clocks, in milliseconds since 1970. */
  nowMs(): Promise<number>;
  /** Advances the time. Timers that become due fire. */
  pass(ms: number): Promise<void>;
}

/** Starts both. Returns the reason if this machine cannot run the server. */
export async function virtualTime(): Promise<VirtualTime | { readonly unavailable: string }> {
  const found = await timeSkippingServer();
  if ('unavailable' in found) return found;
  // Before the environment, which otherwise installs a runtime of its own.
  await installRuntime(createTelemetry(), { metrics: false });
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: found.path } },
  });
  const nowMs = async (): Promise<number> => await environment.currentTimeMs();
  const store = await openMemoryStore();
  const db = withShiftedClock(store, async () => Math.max(0, (await nowMs()) - Date.now()));
  return {
    address: environment.address,
    db,
    nowMs,
    pass: async (ms) => await environment.sleep(ms),
    [Symbol.asyncDispose]: async () => {
      await environment.teardown();
      await store.close();
    },
  };
}
