import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { ModelError } from '../../../models/model-client.ts';
import { CATALOGUE } from '../../../telemetry/catalogue.ts';
import { createMetrics } from '../../../telemetry/metrics.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { askedOf, type Asked } from '../../support/promql.ts';
import { scraped } from '../../support/scraped.ts';
import { registry, startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const AGENTS = [{ name: 'tutor', tools: ['dice'], policy: { retry: { initialIntervalMs: 1, maxIntervalMs: 5 } } }];
/** What Prometheus adds to whatever it scrapes. */
const OF_PROMETHEUS = new Set(['job', 'instance']);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}
interface Alerts {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
}

const dashboard = JSON.parse(readFileSync('deploy/grafana/dashboards/perdure.json', 'utf8')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly definition: string }[] };
};
const alerts = parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8')) as Alerts;

const EXPRESSIONS = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
  ...alerts.groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ where: alert, expr }))),
];

/** `/metrics` of a process that has answered, failed, retried, refused and used a tool. */
async function workedMetrics(): Promise<string> {
  let calls = 0;
  const dice = defineTool({
    name: 'dice',
    description: 'Throws dice.',
    parameters: z.object({}),
    idempotent: true,
    timeoutMs: 5_000,
    execute: () => 4,
  });
  const telemetry = createTelemetry({ metrics: createMetrics({ process: true }) });
  await using stack = await startStack({
    temporal: await testTemporal(),
    telemetry,
    temporalMetrics: true,
    tools: [dice],
    agents: AGENTS,
    model: ({ messages }) => {
      calls += 1;
      if (calls === 1) throw new ModelError('server_error', 'It broke.', { retryable: true });
      if (messages.at(-1)?.role === 'tool') return 'You threw four.';
      return { toolCalls: [{ callId: 'c1', tool: 'dice', arguments: {}, malformed: null }] };
    },
  });
  const { db, live, sender } = stack;
  const gateway = createGateway({ db, live, sender, agents: registry(AGENTS, [dice]), telemetry });
  const call = async (path: string, body?: object) =>
    gateway.app.request(`http://127.0.0.1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'content-type': 'application/json', 'perdure-user': stack.key().user, prefer: 'wait=30' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  expect((await call('/v1/sessions/trip/messages', { content: 'Throw.' })).status).toBe(200);
  const text = await (await call('/metrics')).text();
  await gateway.close();
  return text;
}

test('every panel and every alert asks for metrics and labels that a process shows that has worked', async () => {
  const { labels } = scraped(await workedMetrics());
  const declared = new Map(Object.values(CATALOGUE).map(({ name, labels: own }) => [name, new Set<string>(own)]));
  // One that nothing has happened to yet shows no sample; its labels are declared.
  const labelsOf = (metric: string) =>
    new Set([
      ...(labels.get(metric) ?? []),
      ...(declared.get(metric.replace(/_(bucket|sum|count)$/, '')) ?? []),
      ...(metric.endsWith('_bucket') ? ['le'] : []),
    ]);
  const missing = ({ metric, labels: asked }: Asked): string[] => {
    if (metric === 'up') return [];
    if (!labels.has(metric)) return [metric];
    const known = labelsOf(metric);
    return asked
      .filter((label) => !known.has(label) && !OF_PROMETHEUS.has(label))
      .map((label) => `${metric}{${label}}`);
  };

  const wrong = EXPRESSIONS.flatMap(({ where, expr }) =>
    askedOf(expr)
      .flatMap(missing)
      .map((what) => `${where}: ${what}`),
  );
  expect(wrong).toEqual([]);
  expect(EXPRESSIONS.length).toBeGreaterThan(40);
});

test('the variable of the dashboard takes its values from a metric that has the label', () => {
  const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(dashboard.templating.list[0]?.definition ?? '') ?? [];

  expect(CATALOGUE.messages).toMatchObject({ name: metric, labels: expect.arrayContaining([label]) });
});

test('every metric of ours but those of one call is on the dashboard', () => {
  const shown = EXPRESSIONS.flatMap(({ expr }) => askedOf(expr)).map(({ metric }) => metric);

  expect(
    Object.values(CATALOGUE)
      .map(({ name }) => name)
      .filter((name) => !shown.some((metric) => metric.startsWith(name))),
  ).toEqual([]);
});
