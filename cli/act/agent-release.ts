import type { AgentReleaseReport } from '../../contracts/admin/agent-release.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure agents versions NAME`: the release of an agent, and its versions side by side. */
export async function agentVersions(deps: CommandDeps, agent: string, days: number): Promise<void> {
  print(deps, await deps.client.agentRelease(agent, { days }));
}

/** `perdure agents release NAME --to SHARE`. */
export async function releaseAgent(
  deps: CommandDeps,
  agent: string,
  { to, version }: { readonly to: number; readonly version: string | undefined },
): Promise<void> {
  print(deps, await deps.client.releaseAgent(agent, { share: to, version }));
}

/** `perdure agents rollback NAME`. */
export async function rollBackAgent(deps: CommandDeps, agent: string): Promise<void> {
  print(deps, await deps.client.rollBackAgent(agent));
}

function print(deps: CommandDeps, report: AgentReleaseReport): void {
  if (deps.json) return deps.printJson(report);
  const { agent, release, versions, days } = report;
  deps.print(describe(agent, release));
  if (versions.length === 0) return;
  const rows = versions.map((one) => [
    one.version.slice(0, 8),
    shareOf(release, one.version),
    one.offeredAt === null ? '-' : formatTime(one.offeredAt, deps),
    String(one.users),
    String(one.runs),
    String(one.failed),
    one.meanMs === null ? '-' : `${Math.round(one.meanMs)} ms`,
    one.meanSteps === null ? '-' : one.meanSteps.toFixed(1),
    `$${one.costUsd.toFixed(4)}${one.unpricedCalls > 0 ? ' + unknown' : ''}`,
  ]);
  const last = `RUNS (${days} D)`;
  printTable(deps, [['VERSION', 'RELEASE', 'OFFERED', 'USERS', last, 'FAILED', 'MEAN', 'STEPS', 'COST'], ...rows]);
}

function describe(agent: string, release: AgentReleaseReport['release']): string {
  if (release === null) return `${agent}: everybody has the version of the workers.`;
  const { base, candidate, share } = release;
  if (candidate === null)
    return `${agent}: everybody keeps ${base.slice(0, 8)}, also when another version is deployed.`;
  return `${agent}: ${formatShare(share)} of users have ${candidate.slice(0, 8)}, the others ${base.slice(0, 8)}. Runs that start get it; runs in progress keep theirs.`;
}

function shareOf(release: AgentReleaseReport['release'], version: string): string {
  if (version === release?.candidate) return formatShare(release.share);
  return version === release?.base ? formatShare(1 - release.share) : '-';
}

function formatShare(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
