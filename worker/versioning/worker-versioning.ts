import type { WorkerDeploymentOptions } from '@temporalio/worker';
import { DEFAULT_DEPLOYMENT } from '../../contracts/worker.ts';

/** Turns on Temporal's worker versioning: sessions stay with the build that has begun their execution. */
export interface WorkerVersioning {
  /** Name of the deployment in Temporal (`PERDURE_DEPLOYMENT`). Default `perdure`. */
  readonly deployment?: string | undefined;
  /** The build (`PERDURE_BUILD_ID`), another one for each deploy. */
  readonly buildId: string;
}

/** Temporal joins both with a dot, or a colon in lists. */
const DEPLOYMENT_NAME = /^[A-Za-z0-9_-]{1,100}$/;
const BUILD_ID = /^[A-Za-z0-9._+-]{1,100}$/;

/** Throws a `TypeError` for invalid names. */
export function deploymentVersion({ deployment = DEFAULT_DEPLOYMENT, buildId }: WorkerVersioning) {
  if (!DEPLOYMENT_NAME.test(deployment)) {
    throw new TypeError(
      `The deployment ${JSON.stringify(deployment)} is not valid. Set PERDURE_DEPLOYMENT to 1 to 100 letters, digits, "_" or "-".`,
    );
  }
  if (!BUILD_ID.test(buildId)) {
    throw new TypeError(
      `The build ${JSON.stringify(buildId)} is not valid. Set PERDURE_BUILD_ID to 1 to 100 letters, digits, ".", "_", "+" or "-".`,
    );
  }
  return { deploymentName: deployment, buildId };
}

/** The worker option of the SDK. Workflows are pinned: they move to the current version when they continue as new. */
export function deploymentOptions(versioning: WorkerVersioning | undefined): {
  workerDeploymentOptions?: WorkerDeploymentOptions;
} {
  if (versioning === undefined) return {};
  const version = deploymentVersion(versioning);
  return { workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } };
}

/** Worker versioning as the environment sets it: undefined, which is off, without `PERDURE_BUILD_ID`. */
export function versioningOf(env: NodeJS.ProcessEnv): WorkerVersioning | undefined {
  const buildId = env['PERDURE_BUILD_ID']?.trim();
  if (!buildId) return undefined;
  return { buildId, deployment: env['PERDURE_DEPLOYMENT']?.trim() || undefined };
}
