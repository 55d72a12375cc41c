import { Option, type Command } from 'commander';
import type { ConfirmOption } from './shared/confirm.ts';
import type { CreateDeps, OwnerOption } from './shared/command-deps.ts';
import { parseWhole } from './shared/parse-number.ts';

function addLimit(command: Command): Command {
  return command.addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole));
}

function addUser(command: Command): Command {
  return command.option('--of <user>', 'for another user (operators only; recorded in the audit trail)');
}

/** Adds the commands for what is remembered of a user. Each imports its code when it runs. */
export function addMemoryCommands(program: Command, deps: CreateDeps): void {
  const memories = program
    .command('memories')
    .description('list what is remembered of you over all sessions, newest first; search it, add to it, forget it');
  addUser(addLimit(memories.command('list', { isDefault: true })))
    .description('list memories, newest first')
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async ({ of, ...page }: OwnerOption & { limit?: number; cursor?: string }) =>
      (await import('./look/memories.ts')).listMemories(deps({ of }), page),
    );
  addUser(addLimit(memories.command('search <query>')))
    .description('search memories by full text and meaning, best first')
    .action(async (query: string, { of, limit }: OwnerOption & { limit?: number }) =>
      (await import('./look/memories.ts')).searchMemories(deps({ of }), query, limit),
    );
  memories
    .command('add <text>')
    .description('remember a text; "-" reads standard input')
    .option('--replaces <id>', 'the memory that it corrects')
    .action(async (text: string, options: { replaces?: string }) =>
      (await import('./act/memories.ts')).addMemory(deps(), text, options),
    );
  addUser(memories.command('forget [id]'))
    .description('forget a memory with all that it corrects, or all memories')
    .option('--all', 'forget all memories')
    .option('-y, --yes', 'with --all: do not ask')
    .action(async (id: string | undefined, { of, ...options }: OwnerOption & ConfirmOption & { all?: boolean }) =>
      (await import('./act/memories.ts')).forgetMemories(deps({ of }), id, options),
    );
}
