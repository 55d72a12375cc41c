import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from 'prom-client';
import { CATALOGUE, type MetricDefinition } from './catalogue.ts';
import { OPEN_METRICS, PLAIN, toOpenMetrics, toPlain } from './exposition.ts';
import { LabelValues } from './label-values.ts';

type Labels<D extends MetricDefinition> = Readonly<Record<D['labels'][number], string>>;

export interface CounterOf<D extends MetricDefinition> {
  add(labels: Labels<D>, amount?: number): void;
}
export interface GaugeOf<D extends MetricDefinition> {
  set(labels: Labels<D>, value: number): void;
}
export interface HistogramOf<D extends MetricDefinition> {
  record(labels: Labels<D>, value: number): void;
}

type Instruments = {
  readonly [N in keyof typeof CATALOGUE]: (typeof CATALOGUE)[N] extends { readonly type: 'counter' }
    ? CounterOf<(typeof CATALOGUE)[N]>
    : (typeof CATALOGUE)[N] extends { readonly type: 'gauge' }
      ? GaugeOf<(typeof CATALOGUE)[N]>
      : HistogramOf<(typeof CATALOGUE)[N]>;
};

/** The metrics of a process: an instrument for each entry of {@link CATALOGUE}. */
export interface Metrics extends Instruments {
  /** Calls `read` before each scrape, to set gauges. If it throws, its gauges keep their values. */
  beforeScrape(read: () => Promise<void> | void): void;
  /** Adds the metrics of another exporter of this process, in the text format, to each scrape. */
  merge(read: () => Promise<string>): void;
  /** Renders all metrics. `accept`: the request's header; OpenMetrics, with exemplars, if it names that format. */
  scrape(accept?: string | null): Promise<{ readonly text: string; readonly contentType: string }>;
}

export interface MetricsOptions {
  /** Whether to include Node's own metrics (`process_*`, `nodejs_*`). Default false. */
  readonly process?: boolean;
  /** The id of the active trace, if it is recorded: the exemplar of an observation. */
  readonly traceId?: () => string | undefined;
}

/** Creates the metrics of a process. Call it once a process. */
export function createMetrics({ process = false, traceId = () => undefined }: MetricsOptions = {}): Metrics {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  if (process) collectDefaultMetrics({ register: registry });
  const instruments = Object.fromEntries(
    Object.entries(CATALOGUE).map(([key, definition]) => [key, instrument(registry, definition, traceId)]),
  ) as unknown as Instruments;
  const reads: (() => Promise<void> | void)[] = [];
  const others: (() => Promise<string>)[] = [];
  return {
    ...instruments,
    beforeScrape: (read) => void reads.push(read),
    merge: (read) => void others.push(read),
    async scrape(accept) {
      await Promise.all(reads.map(async (read) => read()).map((reading) => reading.catch(() => {})));
      const foreign = await Promise.all(others.map(async (read) => read().catch(() => '')));
      const own = await registry.metrics();
      if (!accept?.includes('application/openmetrics-text')) {
        return { text: [toPlain(own), ...foreign].join(''), contentType: PLAIN };
      }
      const parts = [own.replace(/# EOF\n$/, ''), ...foreign.map(toOpenMetrics), '# EOF\n'];
      return { text: parts.join(''), contentType: OPEN_METRICS };
    },
  };
}

function instrument(
  registry: Registry<OpenMetricsContentType>,
  { name, type, help, labels: labelNames, buckets = [] }: MetricDefinition,
  traceId: () => string | undefined,
): object {
  const values = labelNames.map((label) => [label, new LabelValues()] as const);
  const bounded = (labels: Readonly<Record<string, string>>) =>
    Object.fromEntries(values.map(([label, seen]) => [label, seen.of(labels[label] ?? '')]));
  const common = { name, help, labelNames: [...labelNames], registers: [registry] };
  if (type === 'gauge') {
    const gauge = new Gauge(common);
    // One without labels would be 0 before it is set: no worker, where the store was never read.
    if (labelNames.length === 0) gauge.remove({});
    return { set: (labels: Record<string, string>, value: number) => gauge.set(bounded(labels), value) };
  }
  if (type === 'counter') {
    const counter = new Counter(common);
    return {
      add: (labels: Record<string, string>, amount = 1) => {
        if (amount >= 0 && Number.isFinite(amount)) counter.inc(bounded(labels), amount);
      },
    };
  }
  const histogram = new Histogram({ ...common, buckets: [...buckets], enableExemplars: true });
  return {
    record: (labels: Record<string, string>, value: number) => {
      if (!Number.isFinite(value)) return;
      const id = traceId();
      const exemplar = id === undefined ? {} : { exemplarLabels: { trace_id: id } };
      histogram.observe({ labels: bounded(labels), value, ...exemplar });
    },
  };
}
