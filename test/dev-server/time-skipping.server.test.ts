import { TestWorkflowEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import { timeSkippingServer } from '../support/temporal/time-skipping.ts';

test('the time-skipping server passes seven days at once', { timeout: 300_000 }, async (ctx) => {
  const found = await timeSkippingServer();
  if ('unavailable' in found) return ctx.skip(found.unavailable);
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: found.path } },
  });
  try {
    const before = await environment.currentTimeMs();
    await environment.sleep('7 days');
    expect((await environment.currentTimeMs()) - before).toBeGreaterThanOrEqual(7 * 24 * 3_600_000);
  } finally {
    await environment.teardown();
  }
});
