/** The metrics of `/metrics` by the names that PromQL uses: histograms with their suffixes. */
export interface Scraped {
  /** Every name with the labels of its samples. */
  readonly labels: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Parses the text format. A metric without samples has a name and no labels. */
export function scraped(text: string): Scraped {
  const labels = new Map<string, Set<string>>();
  const of = (name: string): Set<string> => {
    const known = labels.get(name) ?? new Set();
    labels.set(name, known);
    return known;
  };
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\w+)$/.exec(line) ?? [];
    if (name !== undefined && type === 'histogram') {
      for (const suffix of ['_bucket', '_sum', '_count']) of(`${name}${suffix}`);
    } else if (name !== undefined) of(name);
    const [, sample, list] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (sample === undefined) continue;
    for (const [, label] of (list ?? '').matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) of(sample).add(label as string);
  }
  return { labels };
}
