import { expect, test } from 'vitest';
import { askedOf } from '../support/promql.ts';
import { scraped } from '../support/scraped.ts';

test('an expression is read with its selectors, its groups and Grafana’s variables', () => {
  const share =
    'sum by (agent) (rate(a_total{outcome="failed", agent=~"$agent"}[$__rate_interval])) / sum(rate(b_total[10m]))';

  expect(askedOf(share)).toEqual([
    { metric: 'a_total', labels: ['outcome', 'agent', 'agent'] },
    { metric: 'b_total', labels: [] },
  ]);
  expect(askedOf('histogram_quantile(0.95, sum by (le, x) (rate(c_bucket[1m])))')).toEqual([
    { metric: 'c_bucket', labels: ['le', 'x'] },
  ]);
});

test('what is no PromQL is refused', () => {
  expect(() => askedOf('sum by (agent (rate(a_total[1m]))')).toThrow('Not PromQL');
  expect(() => askedOf('1 + 1')).toThrow('asks for nothing');
});

test('metrics are read with their labels, and histograms by the names that they are asked for', () => {
  const { labels } = scraped('# TYPE a histogram\na_bucket{le="1",x="y"} 2\na_count{x="}"} 2\n# TYPE b counter\nc 3\n');

  expect([...labels].map(([name, names]) => [name, [...names]])).toEqual([
    ['a_bucket', ['le', 'x']],
    ['a_sum', []],
    ['a_count', ['x']],
    ['b', []],
  ]);
});
