import { Option, type Command } from 'commander';
import { batchOutcomeSchema } from '../contracts/admin/batch.ts';
import { runStatusFilterSchema } from '../contracts/session/list-filters.ts';
import type { CreateDeps } from './shared/command-deps.ts';
import { addListFilters, addSessionFilters } from './fleet/list-filter-options.ts';
import { parseDay } from './shared/parse-filter.ts';
import { parseOrdinal, parseWhole } from './shared/parse-number.ts';

/** Adds the commands with which operators change many runs or sessions at once. They import their code when they run. */
export function addBatchCommands(program: Command, deps: CreateDeps, setExitCode: (code: number) => void): void {
  const batch = program
    .command('batch')
    .description('for operators: cancel, resume, end or archive everything that matches a filter');
  const start = (name: 'cancel' | 'resume' | 'end' | 'archive') => async (options: object) => {
    const { startBatch } = await import('./fleet/start-batch.ts');
    setExitCode(await startBatch(deps(), name, options));
  };
  ofRuns(batch.command('cancel')).description('cancel open runs').action(start('cancel'));
  ofRuns(batch.command('resume'))
    .description('resume failed runs after their last completed step; with --status cancelled, cancelled ones')
    .action(start('resume'));
  ofSessions(batch.command('end'))
    .description('end active sessions, which then accept no more messages')
    .addOption(
      new Option('--as <status>', 'their status then; a message reopens a failed one')
        .choices(['completed', 'failed'])
        .default('completed'),
    )
    .option('--reason <text>', 'kept with each session')
    .action(start('end'));
  ofSessions(batch.command('archive'))
    .description('archive sessions without open runs: completed, failed and expired ones, or those of --status')
    .action(start('archive'));
  batch
    .command('list')
    .description('list batches, newest first')
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (page) => (await import('./fleet/batches.ts')).batches(deps(), page));
  batch
    .command('show <batch>')
    .description('show the progress or the report of a batch; with --items, what became of each run or session')
    .option('--items', 'list the runs or sessions')
    .addOption(new Option('--outcome <outcome>', 'with --items: only these').choices(batchOutcomeSchema.options))
    .addOption(new Option('--limit <n>', 'with --items: maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (id: string, options) => (await import('./fleet/batches.ts')).batch(deps(), id, options));
  batch
    .command('stop <batch>')
    .description('end a batch; what it has changed stays')
    .action(async (id: string) => (await import('./fleet/batches.ts')).stopBatch(deps(), id));
}

function ofRuns(command: Command): Command {
  return addStart(addListFilters(command, { which: 'only runs ', noun: 'admitted' }))
    .addOption(new Option('--status <status>', 'only runs with this status').choices(runStatusFilterSchema.options))
    .addOption(new Option('--from <day>', 'first day, as 2026-11-01 or 7d').argParser(parseDay))
    .addOption(new Option('--to <day>', 'last day').argParser(parseDay));
}

function ofSessions(command: Command): Command {
  return addStart(addSessionFilters(command));
}

function addStart(command: Command): Command {
  return command
    .option('--of <user>', 'only those of a user')
    .option('--all', 'everything, if no other filter is given')
    .option('--dry-run', 'count what matches and show some of it, without changing anything')
    .option('-y, --yes', 'do not ask')
    .addOption(new Option('--rate <n>', 'at most so many in a second (default: 20)').argParser(parseOrdinal))
    .option('--id <id>', 'id of the batch; starting it again with the same options starts nothing new')
    .option('--detach', 'return once the batch has begun');
}
