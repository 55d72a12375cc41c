import { stdin, stdout } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from '../../contracts/admin/fleet.ts';
import type { RunOrder } from '../../contracts/session/run.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { errorMessage } from '../shared/error-message.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { untilInterrupted } from '../shared/interruption.ts';
import { topFrame } from './top-frame.ts';

/** Time between the two readings of a single frame, which give its rates. */
const SAMPLE_MS = 1_000;

const KEYS: Readonly<Record<string, RunOrder>> = { d: 'slowest', c: 'dearest', w: 'waiting', n: 'newest' };

/** Another screen, without cursor; and back. */
const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
/** The upper left corner; the rest of the line; the rest of the screen. */
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';

interface TopOptions {
  readonly once?: boolean;
  readonly order: RunOrder;
  /** Seconds between two readings. */
  readonly interval: number;
}

/**
 * `perdure top`: shows sessions, runs, workers, rates and cost of all users, and the open runs to look at first, until `q`. Without a
 * terminal, and with `--once`, prints one frame.
 */
export async function top(deps: CommandDeps, { once, order, interval }: TopOptions): Promise<number> {
  const isLive = deps.terminal && stdin.isTTY && !deps.json && !once;
  if (isLive) return await untilInterrupted(async (stop) => await watch(deps, order, interval * 1_000, stop));
  const limit = 20;
  const before = await deps.client.fleet({ order, limit });
  if (deps.json) deps.printJson(before);
  else {
    await delay(SAMPLE_MS);
    const fleet = await deps.client.fleet({ order, limit });
    const columns = stdout.columns || 120;
    for (const line of topFrame(fleet, before, { columns, rows: Infinity, order })) deps.print(line);
  }
  return EXIT.ok;
}

/** Reads and draws until `q`, or until `stop`, in which case it rejects. A failed reading is shown, and repeated. */
async function watch(deps: CommandDeps, first: RunOrder, everyMs: number, stop: AbortSignal): Promise<void> {
  let order = first;
  const over = new AbortController();
  let key = Promise.withResolvers<void>();
  let before: Fleet | null = null;
  const onKey = (pressed: Buffer): void => {
    const name = pressed.toString().toLowerCase();
    if (pressed[0] === 3) process.kill(process.pid, 'SIGINT');
    if (name === 'q') over.abort();
    order = KEYS[name] ?? order;
    if (over.signal.aborted || KEYS[name]) key.resolve();
  };
  const onResize = (): void => key.resolve();
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', onKey);
  stdout.on('resize', onResize);
  stdout.write(ENTER);
  try {
    while (!over.signal.aborted) {
      stop.throwIfAborted();
      key = Promise.withResolvers<void>();
      const { lines, fleet } = await frame(deps, order, before);
      before = fleet ?? before;
      stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join('\n') + CLEAR_BELOW);
      const waited = new AbortController();
      const signal = AbortSignal.any([stop, waited.signal]);
      await Promise.race([delay(everyMs, undefined, { signal }), key.promise]).catch(() => {});
      waited.abort();
    }
  } finally {
    stdout.write(LEAVE);
    stdout.off('resize', onResize);
    stdin.off('data', onKey);
    stdin.setRawMode(false);
    stdin.pause();
  }
}

async function frame(
  { client }: CommandDeps,
  order: RunOrder,
  before: Fleet | null,
): Promise<{ lines: string[]; fleet?: Fleet }> {
  const columns = stdout.columns || 80;
  const rows = stdout.rows || 24;
  try {
    const fleet = await client.fleet({ order, limit: Math.min(100, Math.max(1, rows)) });
    return { lines: topFrame(fleet, before, { columns, rows: rows - 1, order }), fleet };
  } catch (error) {
    if (before === null) throw error;
    const message = `No answer: ${errorMessage(error, process.env)}`;
    return { lines: [message.slice(0, columns), ...topFrame(before, null, { columns, rows: rows - 2, order })] };
  }
}
