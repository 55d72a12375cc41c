import type { CommandDeps } from '../shared/command-deps.ts';
import { shellQuote } from '../shared/shell-quote.ts';

/** Prints the command that shows the next page, if there is one. */
export function printNextPage(deps: CommandDeps, nextCursor: string | null): void {
  if (nextCursor !== null) deps.hint(`More: ${nextPage(process.argv.slice(2), nextCursor)}`);
}

/** The given command line with another cursor. */
function nextPage(args: readonly string[], cursor: string): string {
  const same = args.filter((arg, index) => {
    if (arg.startsWith('--cursor=') || arg === '--cursor') return false;
    return args[index - 1] !== '--cursor';
  });
  return ['perdure', ...same, '--cursor', cursor].map(shellQuote).join(' ');
}
