import { expect, test } from 'vitest';
import { createGateway } from '../../src/gateway/create-gateway.ts';
import { createInProcessLive } from '../../src/live/in-process.ts';
import { read, section } from './documents.ts';

test('docs/http.md lists every call of the gateway, and none that is not there', async () => {
  const unused = {} as never;
  const gateway = createGateway({ db: unused, live: createInProcessLive(), sender: unused, agents: unused });
  const response = await gateway.app.request('http://127.0.0.1/openapi.json');
  gateway.close();
  const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
  const actual = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const described = [...section(read('docs/http.md'), 'Calls').matchAll(/`([A-Z]+) (\/[^\s`?]*)/g)].map(
    ([, method, path]) => `${method} ${path}`,
  );

  expect(described.toSorted()).toEqual([...actual, 'GET /openapi.json'].toSorted());
});
