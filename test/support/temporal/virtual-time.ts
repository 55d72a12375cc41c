import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Db } from '../../../store/db/db.ts';
import { openStore } from '../../../store/open-store.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { installRuntime } from '../../../worker/temporal-runtime.ts';
import { withShiftedClock } from '../shifted-clock.ts';
import { timeSkippingServer } from './time-skipping.ts';

/** A Temporal server that skips time, and a store whose clock agrees with it. */
export interface VirtualTime extends AsyncDisposable {
  readonly address: string;
  readonly db: Db;
  /** The time that both clocks show, in ms. */
  nowMs(): Promise<number>;
  /** Lets virtual time pass: timers that fall due meanwhile fire. */
  pass(ms: number): Promise<void>;
}

/** Starts one; the reason where this machine cannot. */
export async function virtualTime(): Promise<VirtualTime | { readonly unavailable: string }> {
  const found = await timeSkippingServer();
  if ('unavailable' in found) return found;
  // The environment starts the runtime, which then cannot be set any more.
  await installRuntime(createTelemetry(), { metrics: false });
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: found.path } },
  });
  const nowMs = async (): Promise<number> => await environment.currentTimeMs();
  const store = await openStore({});
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
