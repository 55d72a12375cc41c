import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** One sample: its labels and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Evaluates an expression of the form `max by (…) (metric) > number` over samples, as Prometheus does at one moment. An alert
 * fires for each sample of the result. Throws for other expressions.
 */
export function valueOf(expression: string, samples: Readonly<Record<string, readonly Sample[]>>): Sample[] {
  const top = parser.parse(expression).topNode.firstChild;
  if (top === null) throw new Error(`Not PromQL: ${expression}`);
  const evaluate = (node: SyntaxNode): Sample[] => {
    const text = (part: SyntaxNode): string => expression.slice(part.from, part.to);
    switch (node.name) {
      case 'VectorSelector':
        return [...(samples[text(node)] ?? [])];
      case 'AggregateExpr': {
        const [operator, modifier, body] = childrenOf(node);
        if (!operator || text(operator) !== 'max' || !modifier || !body) break;
        const by = [...text(modifier).matchAll(/\w+/g)].map(([name]) => name).filter((name) => name !== 'by');
        return maxima(evaluate(childrenOf(body).at(0) ?? body), by);
      }
      case 'BinaryExpr': {
        const [left, operator, right] = childrenOf(node);
        if (!left || !right || !operator || text(operator) !== '>') break;
        return evaluate(left).filter(({ value }) => value > Number(text(right)));
      }
      case 'ParenExpr':
        return childrenOf(node).flatMap(evaluate);
    }
    throw new Error(`Not supported here: ${node.name} in ${expression}`);
  };
  return evaluate(top);
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function maxima(samples: readonly Sample[], by: readonly string[]): Sample[] {
  const groups = Map.groupBy(samples, ({ labels }) => by.map((name) => labels[name] ?? '').join('\0'));
  return [...groups.values()].map((group) => ({
    labels: Object.fromEntries(by.map((name) => [name, group[0]?.labels[name] ?? ''])),
    value: Math.max(...group.map(({ value }) => value)),
  }));
}
