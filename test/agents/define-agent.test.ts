import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, isAgent, type AgentOptions } from '../../agents/define-agent.ts';
import { defineTool } from '../../agents/define-tool.ts';

const probe = defineTool({ name: 'probe', description: 'A probe.', parameters: z.object({}), execute: () => null });

test('an agent names all of its tools in order, and brings along those that were given themselves', () => {
  const agent = defineAgent({ name: 'a', tools: ['clock', probe, 'calculator'] });
  expect(agent.spec.tools).toEqual(['clock', 'probe', 'calculator']);
  expect(agent.tools).toEqual([probe]);
});

test('an agent is known as one, and a look-alike is not', () => {
  expect(isAgent(defineAgent({ name: 'a' }))).toBe(true);
  expect(isAgent({ spec: { name: 'a' }, tools: [] })).toBe(false);
});

test('an agent is composed by spreading the spec of another', () => {
  const base = defineAgent({ name: 'base', instructions: 'Be kind.', tools: ['clock'] });
  const oneOff = defineAgent({ ...base.spec, name: 'one-off', history: false });
  expect(oneOff.spec).toEqual({ name: 'one-off', instructions: 'Be kind.', tools: ['clock'], history: false });
});

test('a list of models is the first, and the others behind it; a list of one is one model', () => {
  const list = defineAgent({ name: 'a', model: ['openai/large', 'azure/large', 'local/small'] });
  expect(list.spec).toEqual({ name: 'a', model: 'openai/large', fallbackModels: ['azure/large', 'local/small'] });
  expect(defineAgent({ ...list.spec, name: 'b' }).spec).toEqual({ ...list.spec, name: 'b' });
  expect(defineAgent({ name: 'a', model: ['openai/large'] }).spec).toEqual({ name: 'a', model: 'openai/large' });
});

test.each<[string, Record<string, unknown>, string]>([
  ['a model that is neither', { model: 5 }, 'model: expected string or array, got 5'],
  ['an empty list of models', { model: [] }, 'model: '],
  ['a model listed twice', { model: ['a/b', 'c/d', 'a/b'] }, 'model[2]: the model "a/b" is listed twice'],
  ['too many models', { model: Array.from({ length: 9 }, (_, n) => `a/${n}`) }, 'model: '],
  ['fallbacks of no model', { fallbackModels: ['a/b'] }, 'fallbackModels: needs one model in `model`; set `model`'],
  ['fallbacks of a list', { model: ['a/b', 'c/d'], fallbackModels: ['e/f'] }, 'fallbackModels: needs one model'],
  ['a bad name', { name: 'a b' }, 'The agent "a b" is not valid:\n  name: must be 1 to 64 letters'],
  ['a wrong type', { temperature: 'hot' }, 'temperature: expected number, got "hot"'],
  ['a value out of range', { temperature: 3 }, 'temperature: expected number to be <=2, got 3'],
  ['a misspelt field', { instruction: 'Hi' }, 'instruction: unknown field; did you mean "instructions"?'],
  ['a misspelt nested field', { policy: { maxStep: 3 } }, 'policy.maxStep: unknown field; did you mean "maxSteps"?'],
  ['a far-off field', { zzz: 1 }, 'zzz: unknown field; known fields: name, description, model'],
  ['a tool that is neither', { tools: [5] }, 'tools[0]: expected string or object, got 5'],
  ['tools that are no list', { tools: 'clock' }, 'tools: expected array, got "clock"'],
  ['a tool listed twice', { tools: [probe, 'probe'] }, 'tools[1]: the tool "probe" is listed twice'],
  ['a choice of no tool', { toolChoice: 'clock' }, 'toolChoice: "clock" is not one of: auto, required, none'],
  ['a required tool of none', { toolChoice: 'required' }, 'toolChoice: is "required", but the agent has no tools'],
])('%s is a TypeError that names field and value', (_what, change, message) => {
  const define = () => defineAgent({ name: 'a', ...change });
  expect(define).toThrow(TypeError);
  expect(define).toThrow(message);
});

test('all problems are told at once', () => {
  expect(() => defineAgent({ name: '', temperature: 9 })).toThrow(/name: [^]*temperature: /);
});

test('no options at all is a TypeError too', () => {
  expect(() => defineAgent(undefined as unknown as AgentOptions)).toThrow(TypeError);
});

test('the output of an agent is a zod object, whose JSON Schema is in the spec, or JSON Schema', () => {
  const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  expect(defineAgent({ name: 'a', output: { schema: z.object({ city: z.string() }) } }).spec.output).toEqual({
    schema,
  });
  expect(defineAgent({ name: 'a', output: { schema } }).spec.output).toEqual({ schema });
});

test.each([
  ['no object', z.string(), 'output.schema.type: must be "object"'],
  ['what JSON Schema cannot express', z.object({ at: z.date() }), 'JSON Schema cannot express'],
  ['a remote reference', { type: 'object', $ref: 'https://example.com' }, 'output.schema.$ref: must refer to a part'],
])('an output of %s is a TypeError', (_what, schema, message) => {
  expect(() => defineAgent({ name: 'a', output: { schema } })).toThrow(TypeError);
  expect(() => defineAgent({ name: 'a', output: { schema } })).toThrow(message);
});
