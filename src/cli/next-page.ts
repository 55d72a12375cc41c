import { quoted } from './quoted.ts';

/** The command line that shows the page at `cursor`: the one that was given, its filters with it. */
export function nextPage(args: readonly string[], cursor: string): string {
  const same = args.filter((arg, index) => {
    if (arg.startsWith('--cursor=') || arg === '--cursor') return false;
    return args[index - 1] !== '--cursor';
  });
  return ['perdure', ...same, '--cursor', cursor].map(quoted).join(' ');
}
