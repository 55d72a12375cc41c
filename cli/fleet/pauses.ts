import type { Pause } from '../../contracts/admin/pause.ts';
import { describePause, pausedWhat } from '../../core/pauses/describe-pause.ts';
import { suggestName } from '../../core/text/closest-name.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** What `perdure pause` and `perdure unpause` are about. */
export interface PauseTarget {
  readonly agent?: string;
  readonly tool?: string;
  readonly provider?: string;
  readonly of?: string;
  readonly all?: boolean;
}

interface PauseOptions extends PauseTarget {
  readonly refuse?: boolean;
  readonly stop?: boolean;
  readonly reason?: string;
}

/** `perdure pause`: pauses an agent, a tool, a provider, a user or everything. */
export async function pause(deps: CommandDeps, options: PauseOptions): Promise<void> {
  const { refuse = false, stop = false, reason } = options;
  const settings = { refuse, stop, ...(reason === undefined ? {} : { reason }) };
  const set = await deps.client.setPause(idOf(options), settings);
  if (deps.json) return deps.printJson(set);
  deps.print(`Paused ${stripControl(pausedWhat(set))}: ${effectOf(set)}.`);
  deps.hint(`It ends with \`perdure unpause ${optionOf(set)}\`.`);
  const unknown = await unknownAgent(deps, options.agent);
  if (unknown !== null) deps.print(unknown);
}

/** A warning if the gateway has no such agent: a slip of the keyboard, or an agent that only newer workers have. */
async function unknownAgent({ client }: CommandDeps, name: string | undefined): Promise<string | null> {
  if (name === undefined) return null;
  const agents = await client.agents().catch(() => null);
  const names = agents?.data.map((agent) => agent.name) ?? [name];
  if (names.includes(name)) return null;
  return `Warning: the gateway has no agent ${JSON.stringify(name)}; ${suggestName(name, names, 'agents')}`;
}

/** `perdure unpause`: removes a pause. */
export async function unpause(deps: CommandDeps, target: PauseTarget): Promise<void> {
  const id = idOf(target);
  await deps.client.removePause(id);
  if (deps.json) return deps.printJson({ id });
  deps.print(`Removed the pause ${stripControl(id)}. What has waited for it begins within half a minute.`);
}

/** `perdure pauses`: lists what is paused. */
export async function pauses(deps: CommandDeps): Promise<void> {
  const page = await deps.client.pauses();
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('Nothing is paused.');
  const rows = page.data.map((one) => [
    stripControl(one.id),
    effectOf(one),
    formatTime(one.since, deps),
    stripControl(one.by),
    stripControl(one.reason ?? ''),
  ]);
  printTable(deps, [['PAUSE', 'EFFECT', 'SINCE', 'BY', 'REASON'], ...rows]);
}

/** A pause in one line, for `perdure doctor`. */
export function pauseLine(one: Pause): string {
  return stripControl(`${describePause(one)} (${effectOf(one)})`);
}

function effectOf({ kind, refuse, stop }: Pause): string {
  if (kind === 'tool') return refuse ? 'its calls fail' : 'its calls wait';
  if (kind === 'provider') return refuse ? 'runs that would call it fail' : 'model calls wait';
  return `${refuse ? 'messages are refused' : 'new runs wait'}, ${stop ? 'running ones stop' : 'running ones finish'}`;
}

function idOf({ agent, tool, provider, of, all }: PauseTarget): string {
  const named = { agent, tool, provider, user: of };
  const ids = Object.entries(named).flatMap(([kind, name]) => (name === undefined ? [] : [`${kind}:${name}`]));
  if (all === true) ids.push('all');
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  throw new CliError(
    `${ids.length === 0 ? 'Nothing is named' : `${ids.length} things are named`}. Use exactly one of --agent, --tool, --provider, --of and --all.`,
    EXIT.usage,
  );
}

function optionOf({ kind, name }: Pause): string {
  if (name === null) return '--all';
  return `--${kind === 'user' ? 'of' : kind} ${/^[\w.-]+$/.test(name) ? name : JSON.stringify(name)}`;
}
