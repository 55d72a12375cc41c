import { expect, test } from 'vitest';
import { missingSearchAttributes, searchAttributeCommand } from '../../../client/temporal/search-attributes.ts';

type Services = Parameters<typeof missingSearchAttributes>[0];

/** A server that lists nothing for this caller, and counts workflows by these search attributes; others are errors. */
function unlisted(code: number, known: readonly string[]): Services & { readonly queries: string[] } {
  const queries: string[] = [];
  const counted = ({ query }: { query?: string | null }) => {
    queries.push(query ?? '');
    const names = [...(query ?? '').matchAll(/(\w+) =/g)].map(([, name = '']) => name);
    if (!names.every((name) => known.includes(name))) throw Object.assign(new Error('invalid'), { code: 3 });
    return {};
  };
  return {
    queries,
    operatorService: { listSearchAttributes: () => Promise.reject(Object.assign(new Error('denied'), { code })) },
    workflowService: { countWorkflowExecutions: async (request: { query?: string }) => counted(request) },
  } as unknown as Services & { readonly queries: string[] };
}

test('where search attributes may not be listed, those are missing by which nothing can be counted', async () => {
  const all = unlisted(7, ['PerdureUser', 'PerdureAgent', 'PerdureStatus']);
  expect(await missingSearchAttributes(all, 'agents')).toEqual([]);
  expect(all.queries).toEqual(["PerdureUser = 'none' AND PerdureAgent = 'none' AND PerdureStatus = 'none'"]);
  expect(await missingSearchAttributes(unlisted(12, ['PerdureAgent']), 'agents')).toEqual([
    'PerdureUser',
    'PerdureStatus',
  ]);
  await expect(missingSearchAttributes(unlisted(14, []), 'agents')).rejects.toThrow('denied');
});

test('the command that creates search attributes is that of the server', () => {
  const names = ['PerdureUser', 'PerdureAgent'];
  const cloud =
    'tcld namespace search-attributes add --namespace agents.a1b2c --search-attribute "PerdureUser=Keyword" --search-attribute "PerdureAgent=Keyword"';
  expect(searchAttributeCommand('agents.a1b2c.tmprl.cloud:7233', 'agents.a1b2c', names)).toBe(cloud);
  expect(searchAttributeCommand('us-east-1.aws.api.temporal.io:7233', 'agents.a1b2c', names)).toBe(cloud);
  expect(searchAttributeCommand('temporal:7233', 'default', names)).toBe(
    'temporal operator search-attribute create --namespace default --name PerdureUser --type Keyword --name PerdureAgent --type Keyword',
  );
});
