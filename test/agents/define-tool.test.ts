import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import * as mini from 'zod/mini';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { defineTool, toolSpecOf, type ToolOptions } from '../../agents/define-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const minimal: ToolOptions<z.ZodType> = {
  name: 'probe',
  description: 'A probe.',
  parameters: z.object({ text: z.string() }),
  execute: () => null,
};

test('a tool is not idempotent, has a minute and one try, unless it says so', () => {
  const tool = defineTool(minimal);
  expect(tool).toMatchObject({ idempotent: false, timeoutMs: 60_000, retry: { maxAttempts: 1 } });
});

test('an idempotent tool has three tries, and its own retry policy wins', () => {
  expect(defineTool({ ...minimal, idempotent: true }).retry).toEqual({ maxAttempts: 3 });
  const retry = { maxAttempts: 7, initialIntervalMs: 10 };
  expect(defineTool({ ...minimal, idempotent: true, retry }).retry).toEqual(retry);
});

test('a tool has the namespace of its name, unless it says another', () => {
  expect(defineTool(minimal)).toMatchObject({ namespace: 'probe', stateSchema: null });
  expect(defineTool({ ...minimal, namespace: 'orders' }).namespace).toBe('orders');
});

test('the JSON Schema is what the model has to send: before defaults and transforms', () => {
  const parameters = z.strictObject({ n: z.number().default(1), upper: z.string().transform((text) => text.length) });
  expect(toolSpecOf(defineTool({ ...minimal, parameters })).parameters).toEqual({
    type: 'object',
    properties: { n: { type: 'number', default: 1 }, upper: { type: 'string' } },
    required: ['upper'],
    additionalProperties: false,
  });
});

test('schemas that are not instances of this copy of zod are accepted', () => {
  const parameters = mini.strictObject({ city: mini.string() }) as unknown as z.ZodType;
  expect(parameters).not.toBeInstanceOf(z.ZodType);
  const tool = defineTool({ ...minimal, parameters });
  expect(tool.jsonSchema).toMatchObject({ type: 'object', required: ['city'] });
});

test.each<[string, Record<string, unknown>, string]>([
  ['a bad name', { name: 'no spaces' }, 'The tool "no spaces" is not valid: name: must be 1 to 64 letters'],
  ['an empty description', { description: ' ' }, 'description'],
  ['a timeout below 1', { timeoutMs: 0 }, 'timeoutMs: expected number to be >=1, got 0'],
  ['a misspelt option', { timeout: 5 }, 'timeout: unknown field; did you mean "timeoutMs"?'],
  ['a bad retry policy', { retry: { maxAttempts: 0 } }, 'retry.maxAttempts: expected number to be >=1, got 0'],
  ['parameters that are no schema', { parameters: { type: 'object' } }, 'parameters: must be a zod schema'],
  ['parameters that are no object', { parameters: z.string() }, 'wrap them in z.object'],
  ['parameters beyond JSON', { parameters: z.object({ at: z.date() }) }, 'that JSON Schema cannot express'],
  ['a namespace that is none', { namespace: 'a b' }, 'namespace: must be 1 to 64 letters'],
  ['a state that is no schema', { stateSchema: {} }, 'stateSchema: must be a zod schema'],
  [
    'a state that a new session does not have',
    { stateSchema: z.object({ visits: z.number() }) },
    'stateSchema: must accept {}, the state of a new session',
  ],
  ['no function', { execute: 'run' }, 'execute: must be a function, got "run"'],
])('%s is a TypeError that names it', (_what, change, message) => {
  const define = () => defineTool({ ...minimal, ...change });
  expect(define).toThrow(TypeError);
  expect(define).toThrow(message);
});

test('schemas of another copy of zod are accepted and described', async () => {
  const other = await anotherZod();
  const parameters = other.strictObject({
    city: other.string(),
    places: other.array(other.strictObject({ street: other.string() })).optional(),
  });
  expect(other.ZodObject).not.toBe(z.ZodObject);
  const stateSchema = other.object({ asked: other.number().default(0) });
  const tool = defineTool({ name: 'weather', description: 'Weather.', parameters, stateSchema, execute: () => null });
  expect(tool.jsonSchema).toMatchObject({ type: 'object', required: ['city'] });
  const input = { city: 'Bern', places: [{ stret: 'x' }] };
  const { error } = tool.parameters.safeParse(input);
  expect(
    describeIssues(error?.issues ?? [], { schema: tool.parameters, input }).map(({ message }) => message),
  ).toContainEqual(expect.stringContaining('did you mean "street"?'));
});

test('an object that only resembles a schema is refused', () => {
  const tool = { name: 'weather', description: 'Weather.', execute: () => null };
  for (const parameters of [{}, { _zod: {} }, 'text', null, undefined]) {
    expect(() => defineTool({ ...tool, parameters: parameters as never })).toThrow(
      /parameters: (missing, )?must be a zod schema/,
    );
  }
});

/** A second copy of zod, loaded from copied files. */
async function anotherZod(): Promise<typeof z> {
  const folder = await temporaryFolder();
  await cp(dirname(fileURLToPath(import.meta.resolve('zod'))), folder, { recursive: true });
  const { href } = pathToFileURL(join(folder, 'index.js'));
  return ((await import(/* @vite-ignore */ href)) as { z: typeof z }).z;
}
