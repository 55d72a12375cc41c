import { z } from 'zod';
import { problemSchema } from '../../contracts/problem.ts';
import { userQuery } from './operators.ts';
import type { ResponseSpec, Route } from './route.ts';

type JsonObject = Record<string, unknown>;

/** Any JSON value: the only recursive schema of the contracts, defined once in the document. */
const JSON_REF = '#/components/schemas/Json';
const TYPE_OF_JSON = ['string', 'number', 'boolean', 'null', 'array', 'object'];

/** The OpenAPI 3.1 document of the routes, generated from the schemas that validate requests. */
export function openApiDocument(routes: readonly Route[], version: string): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Perdure', version, description: 'Durable agent sessions on Temporal.' },
    paths,
    security: [{ bearer: [] }, { bearer: [], user: [] }, { user: [] }],
    components: {
      schemas: { Problem: schemaOf(problemSchema, 'output'), Json: { type: TYPE_OF_JSON, description: 'Any JSON.' } },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key (perdure_…), a JSON Web Token of the configured issuer, or a token of PERDURE_TOKENS.',
        },
        user: {
          type: 'apiKey',
          in: 'header',
          name: 'Perdure-User',
          description:
            'Percent-encoded. With a credential of the role service: the user for whom the request acts, required. Without authentication, on loopback only: the user; default "local".',
        },
      },
    },
  };
}

function operationOf(route: Route): JsonObject {
  const responses = Object.entries(route.responses).map(([status, spec]) => [status, responseOf([spec].flat())]);
  return {
    summary: route.summary,
    operationId: operationIdOf(route),
    'x-perdure-access': route.access,
    ...(route.access === 'open' ? { security: [] } : {}),
    parameters: [
      ...pathParameters(route.path),
      ...queryParameters(route.query),
      ...operatorParameters(route),
      ...headerParameters(route.headers),
    ],
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body) }),
    ...(route.rawBody === undefined ? {} : { requestBody: rawBodyOf(route.rawBody) }),
    responses: {
      ...Object.fromEntries(responses),
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

/** `getSessionsIdRuns` for `GET /v1/sessions/{id}/runs`. */
function operationIdOf({ method, path }: Route): string {
  const words = path.match(/[A-Za-z]\w*/g) ?? [];
  return [method, ...words.slice(words[0] === 'v1' ? 1 : 0)]
    .map((word, index) => (index === 0 ? word : `${word.charAt(0).toUpperCase()}${word.slice(1)}`))
    .join('');
}

function responseOf(specs: readonly ResponseSpec[]): JsonObject {
  const content = specs
    .filter(({ schema, mediaType }) => schema !== undefined || mediaType !== undefined)
    .map(({ schema, mediaType = 'application/json' }) => [
      mediaType,
      { schema: schema === undefined ? { type: 'string' } : open(schemaOf(schema, 'output')) },
    ]);
  return {
    description: specs.map(({ description }) => description).join('; '),
    ...(content.length === 0 ? {} : { content: Object.fromEntries(content) }),
  };
}

/** Allows unknown properties in objects of a response: later versions may add fields. */
function open(schema: JsonObject): JsonObject {
  const opened = Object.entries(schema)
    .filter(([name, value]) => name !== 'additionalProperties' || value !== false)
    .map(([name, value]) => [name, Array.isArray(value) ? value.map(openIn) : openIn(value)]);
  return Object.fromEntries(opened) as JsonObject;
}

function openIn(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? open(value as JsonObject) : value;
}

function rawBodyOf(description: string): JsonObject {
  return { description, required: true, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } };
}

function bodyOf(schema: z.ZodType): JsonObject {
  return {
    required: !schema.safeParse({}).success,
    content: { 'application/json': { schema: schemaOf(schema, 'input') } },
  };
}

function pathParameters(path: string): JsonObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: z.ZodType | undefined): JsonObject[] {
  if (query === undefined) return [];
  const { properties = {} } = schemaOf(query, 'output') as { properties?: Record<string, JsonObject> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }));
}

function operatorParameters({ operators }: Route): JsonObject[] {
  if (operators === undefined) return [];
  const description = 'For operators: the owner of the session. Recorded in the audit trail.';
  return [{ name: 'user', in: 'query', required: false, description, schema: schemaOf(userQuery.user, 'output') }];
}

function headerParameters(headers: Readonly<Record<string, string>> = {}): JsonObject[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, $defs: _json, ...rest } = z.toJSONSchema(schema, { io }) as JsonObject;
  return pointToJson(rest) as JsonObject;
}

/** Rewrites references: they are relative to their schema, but in the document they would be resolved from its root. */
function pointToJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToJson);
  if (typeof value !== 'object' || value === null) return value;
  if ('$ref' in value) return { $ref: JSON_REF };
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, pointToJson(inner)]));
}
