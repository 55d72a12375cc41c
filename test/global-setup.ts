import type { TestProject } from 'vitest/node';
import { startTestTemporal } from './support/temporal/temporal-server.ts';

/** Starts the Temporal server that all tests of the project `server` share; vitest calls it only when one of them runs. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestTemporal();
  project.provide('temporalAddress', server.address);
  return () => server.stop();
}

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the server that {@link setup} started; absent outside the project `server`. */
    temporalAddress: string;
  }
}
