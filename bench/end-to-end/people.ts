import { startJobs, type JobsProcess } from './jobs-process.ts';
import type { DriverJobs } from './driver/driver.ts';
import type { ProviderJobs } from './stub-provider.ts';

/** The processes beside the system under test: the provider of models, and the drivers. */
export interface People extends AsyncDisposable {
  readonly provider: JobsProcess<ProviderJobs>;
  /** For `OPENAI_BASE_URL`. */
  readonly providerUrl: string;
  /** The first driver. */
  readonly driver: JobsProcess<DriverJobs>;
  readonly drivers: readonly JobsProcess<DriverJobs>[];
}

/** Starts a provider and at least one driver. */
export async function startPeople(count = 1): Promise<People> {
  await using stack = new AsyncDisposableStack();
  const provider = startJobs<ProviderJobs>(new URL('stub-provider.ts', import.meta.url));
  stack.defer(() => provider.stop());
  const providerUrl = await provider.run('listen', undefined);
  const startDriver = () => {
    const started = startJobs<DriverJobs>(new URL('driver/driver.ts', import.meta.url));
    stack.defer(() => started.stop());
    return started;
  };
  const driver = startDriver();
  const drivers = [driver, ...Array.from({ length: count - 1 }, startDriver)];
  const started = stack.move();
  return { provider, providerUrl, driver, drivers, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
