import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure rules`: lists the approvals that are remembered. */
export async function listRules(deps: CommandDeps): Promise<void> {
  const page = await deps.client.approvalRules();
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No approval is remembered.');
  const rows = page.data.map(({ id, tool, agent, sessionId, createdBy, createdAt }) => [
    stripControl(id),
    stripControl(tool),
    stripControl(agent),
    sessionId === null ? 'all' : stripControl(sessionId),
    stripControl(createdBy),
    formatTime(createdAt, deps),
  ]);
  printTable(deps, [['RULE', 'TOOL', 'AGENT', 'SESSION', 'BY', 'SINCE'], ...rows]);
}

/** `perdure rules remove RULE`. */
export async function removeRule(deps: CommandDeps, id: string): Promise<void> {
  await deps.client.removeApprovalRule(id);
  if (deps.json) return deps.printJson({ removed: id });
  deps.print('Removed. Later calls are asked for again.');
}
