import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { onTestFinished } from 'vitest';
import { createMigratedDatabase } from '../store/databases.ts';
import { privateTemporal, type PrivateTemporal, type TestTemporalOptions } from '../temporal/temporal-server.ts';
import type { Caller } from '../gateway/http-calls.ts';
import { perdureHome, type PerdureHome, type PerdureProcess } from './perdure-process.ts';

/** Perdure processes on a PostgreSQL database and a Temporal server of one test. */
export interface Deployment {
  readonly home: PerdureHome;
  readonly server: PrivateTemporal;
  readonly temporal: Client;
  readonly databaseUrl: string;
}

export interface DeploymentOptions {
  /** Of every process. */
  readonly env?: Readonly<Record<string, string>>;
  /** The text of the deployment file. Default: there is none. */
  readonly config?: string;
  /** Default: a new database on the server of the test run. */
  readonly databaseUrl?: string;
  readonly temporal?: TestTemporalOptions;
}

/** Call it inside a test, whose end ends everything. */
export async function startDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
  const databaseUrl = options.databaseUrl ?? (await newDatabase());
  const server = await privateTemporal(options.temporal);
  onTestFinished(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  onTestFinished(() => connection.close());
  const home = perdureHome({
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: server.address,
    ...(options.config === undefined ? {} : { PERDURE_CONFIG: deploymentFile(options.config) }),
    ...options.env,
  });
  return { home, server, temporal: new Client({ connection }), databaseUrl };
}

/** Each session has a user of its own, because one user's requests are limited. */
export function callerOf({ url }: PerdureProcess, session: string): Caller {
  return { url, user: session };
}

async function newDatabase(): Promise<string> {
  const { url, drop } = await createMigratedDatabase();
  onTestFinished(drop);
  return url;
}

function deploymentFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'perdure-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'perdure.yaml');
  writeFileSync(path, text);
  return path;
}
