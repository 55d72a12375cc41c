import type { Client } from '@temporalio/client';
import { filterValue } from '../../core/text/filter-value.ts';
import { isNotFound } from '../../worker/is-not-found.ts';

/** A deployment of Temporal's worker versioning. */
export interface Deployment {
  readonly client: Client;
  readonly namespace: string;
  readonly name: string;
}

export interface BuildStatus {
  readonly build: string;
  readonly isCurrent: boolean;
  /** Whether it has ever been current. */
  readonly wasPromoted: boolean;
  /** Open workflows that are pinned to it. */
  readonly open: number;
}

/** The builds of workers that Temporal remembers; empty without worker versioning. */
export async function readBuilds(deployment: Deployment): Promise<BuildStatus[]> {
  const { client, namespace, name } = deployment;
  const { workerDeploymentInfo: info } = await client.workflowService
    .describeWorkerDeployment({ namespace, deploymentName: name })
    .catch((error: unknown) => {
      if (isNotFound(error)) return { workerDeploymentInfo: null };
      throw error;
    });
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId;
  return await Promise.all(
    (info?.versionSummaries ?? []).map(async ({ deploymentVersion, firstActivationTime }) => {
      const build = deploymentVersion?.buildId ?? '';
      const { count } = await client.workflow.count(buildQuery(deployment, build));
      const isCurrent = build === current;
      return { build, isCurrent, wasPromoted: isCurrent || firstActivationTime != null, open: count };
    }),
  );
}

/** The filter of the open workflows of a build. */
export function buildQuery({ name }: Deployment, build: string): string {
  return `ExecutionStatus = 'Running' AND TemporalWorkerDeploymentVersion = ${filterValue(`${name}:${build}`)}`;
}
