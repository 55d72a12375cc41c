import { expect, test } from 'vitest';
import { embeddedDatabase } from '../support/store/databases.ts';
import { startGateway } from './start-gateway.ts';

const database = embeddedDatabase();

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Record<string, unknown> }> };
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

async function read(): Promise<Document> {
  const { call } = startGateway(database.db);
  return (await (await call('GET', '/openapi.json')).json()) as Document;
}

test('the OpenAPI document lists every call of the contract', async () => {
  const { openapi, paths } = await read();
  expect(openapi).toBe('3.1.0');
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(calls.toSorted()).toEqual(
    [
      'GET /v1/batches',
      'GET /v1/batches/{batch}',
      'GET /v1/batches/{batch}/items',
      'GET /v1/fleet',
      'POST /v1/batches',
      'POST /v1/batches/{batch}/cancel',
      'DELETE /v1/memories',
      'DELETE /v1/memories/{memory}',
      'GET /v1/memories',
      'POST /v1/memories',
      'DELETE /v1/sessions/{id}',
      'POST /v1/keys',
      'GET /v1/keys',
      'DELETE /v1/keys/{key}',
      'GET /v1/audit/verification',
      'DELETE /v1/users/{user}',
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
      'DELETE /v1/approval-rules/{rule}',
      'GET /v1/approval-rules',
      'GET /v1/inbox',
      'GET /v1/erasures',
      'GET /v1/erasures/{erasure}',
      'GET /v1/sessions/{id}/approvals',
      'GET /v1/sessions/{id}/client-calls',
      'POST /v1/sessions/{id}/approvals/{item}',
      'POST /v1/sessions/{id}/client-calls/{item}',
      'GET /v1/agents',
      'GET /v1/agents/{name}',
      'GET /v1/agents/{name}/release',
      'PUT /v1/agents/{name}/release',
      'POST /v1/agents/{name}/rollback',
      'GET /v1/providers',
      'GET /v1/pauses',
      'PUT /v1/pauses/{pause}',
      'DELETE /v1/pauses/{pause}',
      'GET /v1/attachments/{id}',
      'POST /v1/attachments',
      'POST /v1/attachments/move',
      'GET /v1/audit',
      'POST /v1/codec/decode',
      'POST /v1/codec/encode',
      'GET /v1/budget',
      'GET /v1/runs',
      'GET /v1/runs/{run}',
      'GET /v1/runs/{run}/events',
      'GET /v1/runs/{run}/steps/{step}/context',
      'GET /v1/runs/{run}/why',
      'GET /v1/sessions',
      'GET /v1/sessions/{id}',
      'GET /v1/sessions/{id}/events',
      'GET /v1/sessions/{id}/export',
      'GET /v1/sessions/{id}/messages/{message}',
      'GET /v1/sessions/{id}/runs',
      'GET /v1/sessions/{id}/runs/{run}',
      'GET /v1/sessions/{id}/runs/{run}/steps/{step}/context',
      'GET /v1/sessions/{id}/runs/{run}/why',
      'GET /v1/sessions/{id}/transcript',
      'GET /v1/sessions/{id}/why',
      'GET /v1/stats',
      'GET /v1/usage',
      'GET /v1/workers',
      'PUT /v1/budget',
      'PATCH /v1/sessions/{id}',
      'POST /v1/runs',
      'POST /v1/runs/{run}/cancel',
      'POST /v1/sessions',
      'GET /v1/maintenance/sweeps',
      'GET /v1/maintenance/sweeps/{sweep}',
      'POST /v1/maintenance/clean',
      'POST /v1/sessions/import',
      'POST /v1/sessions/{id}/counts',
      'POST /v1/sessions/{id}/end',
      'POST /v1/sessions/{id}/messages',
      'POST /v1/sessions/{id}/restore',
      'POST /v1/sessions/{id}/runs/{run}/cancel',
      'POST /v1/sessions/{id}/runs/{run}/resume',
      'POST /v1/stream-tokens',
    ].toSorted(),
  );
});

test('its references resolve, and its operation ids are unique', async () => {
  const document = await read();
  const references = new Set([...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target));
  expect(references).not.toContain(undefined);
  for (const reference of references) {
    const [, name] = /^#\/components\/schemas\/(\w+)$/.exec(reference ?? '') ?? [];
    expect(document.components.schemas).toHaveProperty(name ?? String(reference));
  }
  expect(references.size).toBe(2);
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test('its schemas are those that validate requests', async () => {
  const { paths } = await read();
  const operation = paths['/v1/sessions/{id}/messages']?.['post'];
  expect(operation?.requestBody?.content['application/json']?.schema).toMatchObject({
    required: ['content'],
    additionalProperties: false,
    properties: { whileRunning: { enum: ['enqueue', 'steer', 'interrupt', 'reject'] } },
  });
  expect(operation?.parameters.map(({ name }) => name)).toEqual(['id', 'Prefer', 'Idempotency-Key']);
});
