import { formatDuration } from '../../core/text/format-duration.ts';
import type { ChildWhy, RunWhy, WhySpan } from '../../contracts/why.ts';
import type { Paint } from '../shared/command-deps.ts';
import { stripControl } from '../render/strip-control.ts';
import stringWidth from 'string-width';
import { fitWidth } from '../render/fit-width.ts';
import { formatTable } from '../render/format-table.ts';

/** The minimum share of the width for bars. */
const BAR_SHARE = 0.3;
const LEGEND = '░ until the first token';

const COLOUR = {
  queue: 'yellow',
  limit: 'yellow',
  circuit: 'yellow',
  approval: 'yellow',
  client: 'yellow',
  retry: 'red',
  context: 'cyan',
  stopped: 'red',
  model: 'cyan',
  tool: 'green',
  overhead: 'dim',
} as const;

/**
 * The spans of a run as a table: start, duration, time to the first token, description, and a bar unless `width` is null. Below a
 * call that another agent executes are the runs that it has made.
 * Small overhead is combined in one line.
 */
export function waterfall(why: RunWhy, width: number | null, paint: Paint): string[] {
  const { wallMs, spans } = why;
  const shown = spans
    .filter((span) => !isSmall(span, wallMs))
    .flatMap((span) => [drawn(span, describeSpan(span)), ...childrenOf(why, span)]);
  const small = spans.filter((span) => isSmall(span, wallMs));
  const rows = shown.map(({ startMs, durationMs, firstTokenMs, text }) => [
    `+${formatDuration(startMs)}`,
    formatDuration(durationMs),
    firstTokenMs === null ? '' : formatDuration(firstTokenMs),
    text,
  ]);
  const smallMs = small.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const gaps = small.length === 1 ? 'in a short gap' : `in ${small.length} short gaps`;
  const rest = small.length === 0 ? [] : [['', formatDuration(smallMs), '', `overhead ${gaps}`]];
  const text = formatTable([['AT', 'TOOK', 'TOKEN', 'WHAT'], ...rows, ...rest]).map((line) => line.trimEnd());
  const sums = sumLines(why, width ?? 80);
  if (width === null) return [...text, ...sums];
  const barWidth = Math.max(
    Math.floor(width * BAR_SHARE),
    width - 2 - Math.max(...text.map((line) => stringWidth(line))),
  );
  const textWidth = width - 2 - barWidth;
  const lines = text.map((line, index) => {
    const span = shown[index - 1];
    // A description is never cut: its end names the error. Such a line has no bar.
    if (stringWidth(line) > textWidth) return line;
    const fitted = fitWidth(line, textWidth);
    if (index === 0)
      return `${fitted}  ${shown.some(({ firstTokenMs }) => firstTokenMs !== null) ? LEGEND : ''}`.trimEnd();
    return span ? `${fitted}  ${paint(COLOUR[span.kind], bar(span, wallMs, barWidth))}` : fitted.trimEnd();
  });
  return [...lines, ...sums];
}

/** A row with a bar. */
type Drawn = Pick<WhySpan, 'kind' | 'startMs' | 'durationMs' | 'firstTokenMs'> & { readonly text: string };

function drawn({ kind, startMs, durationMs, firstTokenMs }: WhySpan, text: string): Drawn {
  return { kind, startMs, durationMs, firstTokenMs, text };
}

/** The run that the call of a span has made, and those below it. */
function childrenOf({ children = [] }: RunWhy, { childRunId }: WhySpan): Drawn[] {
  const first = children.findIndex(({ runId }) => runId === childRunId);
  const [top] = children.slice(first, first + 1);
  if (first < 0 || !top) return [];
  const after = children.slice(first + 1);
  const end = after.findIndex(({ level }) => level <= top.level);
  return [top, ...after.slice(0, end < 0 ? after.length : end)].flatMap((child) => {
    const { startMs, durationMs } = child;
    if (startMs === undefined || durationMs === undefined) return [];
    return [{ kind: 'tool' as const, startMs, durationMs, firstTokenMs: null, text: describeChild(child) }];
  });
}

/** A run below, with the parts of its time. */
function describeChild({ level, agent, status, time = [], open }: ChildWhy): string {
  const parts = time
    .filter(({ kind }, index) => kind !== 'overhead' || index === 0)
    .map(({ kind, durationMs }) => `${kind} ${formatDuration(durationMs)}`);
  const failed = status === 'failed' || status === 'cancelled' ? ` ✗ ${status}` : '';
  return stripControl(`${'  '.repeat(level)}└ ${agent}: ${parts.join(', ')}${failed}${open ? ' …' : ''}`);
}

/** The total time and its parts, wrapped between parts. */
function sumLines({ wallMs, time }: RunWhy, width: number): string[] {
  const lines: string[] = [];
  let line = `${formatDuration(wallMs)} in total:`;
  for (const [index, { kind, durationMs }] of time.entries()) {
    const part = ` ${kind} ${formatDuration(durationMs)} (${percent(durationMs, wallMs)})${index === time.length - 1 ? '' : ','}`;
    if (line.length + part.length > width) {
      lines.push(line);
      line = ` ${part}`;
    } else line += part;
  }
  return [...lines, line];
}

function describeSpan({ kind, label, error, open }: WhySpan): string {
  return stripControl(`${kind} ${label}${error === null ? '' : ` ✗ ${error}`}${open ? ' …' : ''}`);
}

/** Lighter before the first token; at least one column wide. */
function bar({ startMs, durationMs, firstTokenMs }: Drawn, wallMs: number, width: number): string {
  if (wallMs === 0) return '';
  const column = (ms: number): number => Math.round((ms / wallMs) * width);
  const from = Math.min(column(startMs), width - 1);
  const to = Math.min(width, Math.max(column(startMs + durationMs), from));
  if (to === from) return `${' '.repeat(from)}▏`;
  const first = firstTokenMs === null ? from : Math.min(to, column(startMs + firstTokenMs));
  return `${' '.repeat(from)}${'░'.repeat(first - from)}${'█'.repeat(to - first)}`;
}

function isSmall({ kind, durationMs }: WhySpan, wallMs: number): boolean {
  return kind === 'overhead' && durationMs < Math.max(10, wallMs / 50);
}

function percent(part: number, whole: number): string {
  const rounded = Math.round((part / whole) * 100);
  return rounded === 0 && part > 0 ? '<1 %' : `${rounded} %`;
}
