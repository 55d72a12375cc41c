import { expect, test } from 'vitest';
import { budgetFactsSchema } from '../../contracts/budget.ts';
import { problemSchema } from '../../contracts/problem.ts';
import { createGateway } from '../../gateway/create-gateway.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import { codeBlocks, read, section, tableNames } from './documents.ts';

test('docs/http.md lists every call of the gateway, and none that is not there', async () => {
  const unused = {} as never;
  const gateway = createGateway({ db: unused, live: createInProcessLive(), sender: unused, agents: unused });
  const response = await gateway.app.request('http://127.0.0.1/openapi.json');
  await gateway.close();
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
  const actual = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const described = [...section(read('docs/http.md'), 'Calls').matchAll(/`([A-Z]+) (\/[^\s`?]*)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );

  expect(described.toSorted()).toEqual([...actual, 'GET /openapi.json'].toSorted());
});

test('docs/http.md names every field of a problem and of its budget', () => {
  const text = section(read('docs/http.md'), 'Errors');
  const [example = ''] = codeBlocks(text).map(({ code }) => code);
  expect([...Object.keys(JSON.parse(example) as object), 'budget'].toSorted()).toEqual(
    Object.keys(problemSchema.shape).toSorted(),
  );
  const budget = codeBlocks(text).map(({ code }) => code)[1] ?? '';
  expect(budgetFactsSchema.strict().parse(JSON.parse(budget))).toMatchObject({ scope: 'month' });
  expect(tableNames(text).toSorted()).toEqual(Object.keys(budgetFactsSchema.shape).toSorted());
});
