import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** The use of one metric in an expression. */
export interface Asked {
  readonly metric: string;
  /** The labels by which it selects or groups. */
  readonly labels: readonly string[];
}

/** The metrics in a PromQL expression, with Grafana's variables replaced. Throws when Prometheus' own grammar rejects it. */
export function askedOf(expression: string): Asked[] {
  const text = expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*');
  const found: { metric: string; labels: string[]; node: SyntaxNode }[] = [];
  const groupings: { labels: string[]; node: SyntaxNode }[] = [];
  parser.parse(text).iterate({
    enter({ node, type }) {
      if (type.isError) throw new Error(`Not PromQL at ${node.from}: ${text}`);
      if (type.name === 'VectorSelector') {
        const name = node.getChild('Identifier');
        if (!name) throw new Error(`A selector without a name: ${text}`);
        found.push({ metric: text.slice(name.from, name.to), labels: labelsIn(text, node), node });
      }
      if (type.name === 'AggregateModifier' && node.parent) {
        groupings.push({ labels: labelsIn(text, node), node: node.parent });
      }
    },
  });
  if (found.length === 0) throw new Error(`It asks for nothing: ${text}`);
  return found.map(({ metric, labels, node }) => ({
    metric,
    labels: [
      ...labels,
      ...groupings.flatMap((one) => (one.node.from <= node.from && node.to <= one.node.to ? one.labels : [])),
    ],
  }));
}

function labelsIn(text: string, within: SyntaxNode): string[] {
  const labels: string[] = [];
  const cursor = within.cursor();
  do {
    if (cursor.from >= within.to) break;
    if (cursor.name === 'LabelName') labels.push(text.slice(cursor.from, cursor.to));
  } while (cursor.next());
  return labels;
}
