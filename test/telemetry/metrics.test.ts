import { expect, test } from 'vitest';
import { createMetrics } from '../../telemetry/metrics.ts';

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';

test('a scraper that does not ask for OpenMetrics gets plain text, with counters under their full names', async () => {
  const metrics = createMetrics({ traceId: () => '4bf92f3577b34da6a3ce929d0e0e4736' });
  metrics.messages.add({ agent: 'tutor', outcome: 'started' }, 2);
  metrics.runSeconds.record({ agent: 'tutor', outcome: 'completed' }, 0.3);

  const { text, contentType } = await metrics.scrape('text/plain');

  expect(contentType).toContain('text/plain; version=0.0.4');
  expect(text).toContain('# TYPE perdure_messages_total counter\n');
  expect(text).toContain('\nperdure_messages_total{agent="tutor",outcome="started"} 2\n');
  expect(text).toContain('perdure_run_duration_seconds_bucket{le="0.5",agent="tutor",outcome="completed"} 1\n');
  expect(text).not.toContain('trace_id');
  expect(text).not.toContain('# EOF');
});

test('OpenMetrics carries the trace of an observation as its exemplar, and ends with EOF', async () => {
  const metrics = createMetrics({ traceId: () => '4bf92f3577b34da6a3ce929d0e0e4736' });
  metrics.runSeconds.record({ agent: 'tutor', outcome: 'completed' }, 0.3);

  const { text, contentType } = await metrics.scrape(OPEN_METRICS);

  expect(contentType).toContain('application/openmetrics-text');
  expect(text).toMatch(/_bucket\{le="0\.5",[^}]*\} 1 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.3 \d+/);
  expect(text).toContain('# TYPE perdure_messages counter\n');
  expect(text.endsWith('\n# EOF\n')).toBe(true);
});

test('what another exporter of the process shows is merged, in the format that was asked for', async () => {
  const metrics = createMetrics();
  const plain =
    '# HELP temporal_request_total Requests.\n# TYPE temporal_request_total counter\ntemporal_request_total 3\n';
  metrics.merge(async () => plain);
  metrics.merge(async () => Promise.reject(new Error('it is not up yet')));

  expect((await metrics.scrape()).text).toContain(plain);
  expect((await metrics.scrape(OPEN_METRICS)).text).toContain(
    '# HELP temporal_request Requests.\n# TYPE temporal_request counter\ntemporal_request_total 3\n# EOF\n',
  );
});

test('a gauge that was never set is absent, with labels or without', async () => {
  const metrics = createMetrics();
  const samples = async () =>
    (await metrics.scrape()).text.split('\n').filter((line) => /^perdure_workers\b/.test(line));
  expect(await samples()).toEqual([]);
  metrics.workers.set({}, 0);
  expect(await samples()).toEqual(['perdure_workers 0']);
});

test('a label has few values, however many it is given', async () => {
  const metrics = createMetrics();
  for (let index = 0; index < 1_000; index += 1) metrics.toolCalls.add({ tool: `tool-${index}`, outcome: 'completed' });

  const { text } = await metrics.scrape();
  const lines = text.match(/^perdure_tool_calls_total\{.*$/gm) ?? [];

  expect(lines).toHaveLength(201);
  expect(lines).toContain('perdure_tool_calls_total{tool="other",outcome="completed"} 800');
});

test('a value that is no number is not counted, and harms nobody', async () => {
  const metrics = createMetrics();
  metrics.costUsd.add({ agent: 'a', model: 'm' }, NaN);
  metrics.costUsd.add({ agent: 'a', model: 'm' }, -1);
  metrics.queueSeconds.record({ agent: 'a' }, Infinity);

  expect((await metrics.scrape()).text).not.toContain('agent="a"');
});

test('gauges are read before each scrape, and one that cannot be read hides no other', async () => {
  const metrics = createMetrics();
  let open = 0;
  metrics.beforeScrape(async () => Promise.reject(new Error('the store is away')));
  metrics.beforeScrape(() => metrics.openStreams.set({}, (open += 1)));

  expect((await metrics.scrape()).text).toContain('\nperdure_gateway_open_streams 1\n');
  expect((await metrics.scrape()).text).toContain('\nperdure_gateway_open_streams 2\n');
});
