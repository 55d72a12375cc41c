/** The content types of the two formats that Prometheus reads. Only OpenMetrics carries exemplars. */
export const PLAIN = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

const EXEMPLAR = / # \{[^{}]*\} \S+( \S+)?$/;

/** Converts OpenMetrics to Prometheus' text format 0.0.4: adds `_total` to the HELP and TYPE lines of counters, and drops exemplars. */
export function toPlain(openMetrics: string): string {
  const lines = metricLines(openMetrics);
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+) counter$/.exec(line)?.[1] ?? []));
  return ended(
    lines.map((line) => {
      const head = headOf(line);
      if (head === null) return line.replace(EXEMPLAR, '');
      return counters.has(head.name) ? `# ${head.keyword} ${head.name}_total ${head.rest}` : line;
    }),
  );
}

/** Converts the text format to OpenMetrics without its `# EOF`: removes `_total` from the HELP and TYPE lines of counters. */
export function toOpenMetrics(plain: string): string {
  const lines = metricLines(plain);
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+)_total counter$/.exec(line)?.[1] ?? []));
  return ended(
    lines.map((line) => {
      const head = headOf(line);
      const base = head?.name.replace(/_total$/, '') ?? '';
      return head !== null && counters.has(base) ? `# ${head.keyword} ${base} ${head.rest}` : line;
    }),
  );
}

function metricLines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '' && line !== '# EOF');
}

function headOf(line: string): { keyword: string; name: string; rest: string } | null {
  const [, keyword = '', name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
  return keyword === '' ? null : { keyword, name, rest };
}

function ended(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
