import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import completions, { ShellCompDirective } from '@bomb.sh/tab';
import addCompletionCommands from '@bomb.sh/tab/commander';
import type { Argument, Command, Option } from 'commander';
import { createGatewayClient, type GatewayClient } from '../client/http/gateway-client.ts';
import { shellQuote } from './shared/shell-quote.ts';
import { gatewayOptionsOf } from './shared/command-deps.ts';

/** How long a shell waits for the sessions of the gateway. */
const GATEWAY_MS = 300;
const MAX_SESSIONS = 50;

/** Adds `completion`, which prints a shell's script, and `complete`, which the script calls with the words typed so far. */
export function addCompletion(program: Command, env: NodeJS.ProcessEnv): void {
  addCompletionCommands(program, { completionCommandName: 'completion' });
  const complete = program.commands.find((command) => command.name() === 'complete');
  complete?.action(async (words: string[]) => {
    const own = await completeWords(program, env, words);
    if (own === null) completions.parse(words);
    else process.stdout.write(`${own.join('\n')}\n`);
  });
}

/**
 * The lines for a shell that completes the last of `words` with files or sessions: candidates, and a directive. Null where
 * the definitions of the command line say what can follow.
 */
export async function completeWords(
  program: Command,
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  timeoutMs = GATEWAY_MS,
): Promise<readonly string[] | null> {
  const partial = words.at(-1) ?? '';
  const { options, next } = readTyped(program, words.slice(0, -1));
  if (partial.startsWith('-') || next === undefined) return null;
  if (next === 'file') return filesAt(partial);
  const { '--url': url, '--user': user, '--of': of } = options;
  const client = createGatewayClient({ ...gatewayOptionsOf({ url, user }, env), timeoutMs });
  return withDirective(await sessionsOf(client, of, partial));
}

interface Typed {
  /** The values of the options, by their long names. */
  readonly options: Readonly<Record<string, string>>;
  /** What the next word names, if it is not one of the choices that the command line defines. */
  readonly next: 'file' | 'session' | undefined;
}

/** Reads the words before the one to complete. */
function readTyped(program: Command, words: readonly string[]): Typed {
  let command = program;
  let positionals = 0;
  let open: Option | undefined;
  const options: Record<string, string> = {};
  for (const word of words) {
    const option = [...command.options, ...program.options].find(({ long, short }) => word === long || word === short);
    const named = command.commands.find((one) => one.name() === word);
    if (open !== undefined) {
      options[open.long ?? ''] = word;
      open = undefined;
    } else if (option !== undefined) open = option.required || option.optional ? option : undefined;
    else if (named !== undefined && positionals === 0) command = named;
    else if (!word.startsWith('-')) positionals += 1;
  }
  const next = open === undefined ? subjectOf(command.registeredArguments[positionals]) : subjectOfOption(open);
  return { options, next };
}

/** The arguments that are not a session's id have other names. */
function subjectOf(argument: Argument | undefined): Typed['next'] {
  const name = argument?.name();
  if (name === 'file') return 'file';
  return name === 'session' || name === 'id' || name === 'name' ? 'session' : undefined;
}

function subjectOfOption({ long }: Option): Typed['next'] {
  return long === '--session' ? 'session' : undefined;
}

/** The sessions that begin so; none if the gateway does not respond in time, or refuses. */
async function sessionsOf(client: GatewayClient, of: string | undefined, partial: string): Promise<string[]> {
  const query = { limit: MAX_SESSIONS, user: of, ...(partial === '' ? {} : { idPrefix: partial }) };
  const { data } = await client.sessions(query).catch(() => ({ data: [] }));
  return (
    data
      // The shells' scripts do not quote.
      .filter(({ id }) => id.startsWith(partial) && shellQuote(id) === id)
      .map(({ id, status, agent }) => `${id}\t${status}, ${agent}`)
  );
}

function filesAt(partial: string): string[] {
  const folder = partial.endsWith('/') ? partial : dirname(partial);
  const isBare = !partial.includes('/');
  const paths = entriesOf(folder)
    .map((entry) => `${isBare ? '' : partial.slice(0, partial.lastIndexOf('/') + 1)}${entry}`)
    .filter((path) => path.startsWith(partial));
  // A folder is completed further.
  const isFolders = paths.every((path) => path.endsWith('/'));
  return withDirective(paths, isFolders ? ShellCompDirective.ShellCompDirectiveNoSpace : 0);
}

/** The names in a folder, those of folders with a slash; none if it cannot be read. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).map((entry) => entry.name + (entry.isDirectory() ? '/' : ''));
  } catch {
    return [];
  }
}

function withDirective(lines: readonly string[], directive = 0): string[] {
  return [...lines, `:${directive + ShellCompDirective.ShellCompDirectiveNoFileComp}`];
}
