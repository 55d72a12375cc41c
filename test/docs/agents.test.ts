import { expect, test } from 'vitest';
import { agentSpecSchema, policySchema, retryPolicySchema } from '../../contracts/agent.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';
import { read, section, tableNames, tableRow } from './documents.ts';

const agents = read('docs/agents.md');
const number = (value: number): string => value.toLocaleString('en');

test('docs/agents.md has a row for every field of a template', () => {
  const rows = tableNames(section(agents, 'Templates'));

  expect(rows.toSorted()).toEqual(Object.keys(agentSpecSchema.shape).toSorted());
});

test('docs/agents.md has a row for every field of a policy, with its default', () => {
  const policies = section(agents, 'Policies');
  const { retry: _retry, budget: _budget, ...defaults } = resolvePolicy();
  const rows = Object.entries(defaults).map(([name, value]) => [name, tableRow(policies, name)?.[3], shown(value)]);

  expect(Object.keys(policySchema.shape).filter((name) => tableRow(policies, name) === undefined)).toEqual([]);
  expect(rows.filter(([, described, actual]) => described !== actual)).toEqual([]);
});

test('docs/agents.md has a row for every field of a retry policy, with its defaults', () => {
  const policies = section(agents, 'Policies');
  const model = resolvePolicy().retry;
  const tool = toolRetry({ idempotent: true, retry: {} });
  const other = toolRetry({ idempotent: false, retry: {} });
  const rows = Object.keys(retryPolicySchema.shape).map((name) => {
    const field = name as keyof typeof model;
    const same = tool[field] === other[field];
    const ofTools = same ? number(tool[field]) : `${tool[field]} if idempotent, else ${other[field]}`;
    return { name, described: tableRow(policies, name)?.slice(3, 5), actual: [number(model[field]), ofTools] };
  });

  expect(rows.filter(({ described, actual }) => described?.join() !== actual.join())).toEqual([]);
});

test('docs/limits.md has a row for every limit, as the code has it', () => {
  const limits = read('docs/limits.md');
  const rows = Object.entries(LIMITS).map(([name, { value, unit, what, error }]) => ({
    name,
    described: tableRow(limits, name)?.slice(2, 6),
    actual: [number(value), unit, what, error === null ? 'nobody notices' : `\`${error}\``],
  }));

  expect(rows.filter(({ described, actual }) => described?.join('|') !== actual.join('|'))).toEqual([]);
  expect(tableNames(limits).filter((name) => !(name in LIMITS))).toEqual([]);
});

function shown(value: string | number | boolean): string {
  if (typeof value !== 'number') return `\`${value}\``;
  return value === Number.POSITIVE_INFINITY ? 'unbounded' : number(value);
}
