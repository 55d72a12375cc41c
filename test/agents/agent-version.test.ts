import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { AgentSpec } from '../../contracts/agent.ts';
import { versionOf } from '../../agents/agent-version.ts';
import { defineTool } from '../../agents/define-tool.ts';

const options = {
  name: 'probe',
  description: 'A probe.',
  parameters: z.object({ a: z.string() }),
  execute: () => null,
};
const probe = defineTool(options);
const spec: AgentSpec = {
  name: 'a',
  tools: ['probe'],
  temperature: 1,
  policy: { maxSteps: 3, retry: { maxAttempts: 2, maxIntervalMs: 9 } },
};

test('the same content has the same hash, whatever the order of its keys', () => {
  const { hash } = versionOf(spec, [probe]);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  const shuffledSpec = fc
    .shuffledSubarray(Object.entries(spec), { minLength: 4 })
    .map((entries) => Object.fromEntries(entries) as unknown as AgentSpec);
  const policy = { retry: { maxIntervalMs: 9, maxAttempts: 2 }, maxSteps: 3 };
  fc.assert(
    fc.property(shuffledSpec, (shuffled) => {
      expect(versionOf({ ...shuffled, policy }, [probe]).hash).toBe(hash);
    }),
  );
});

test('fields that are undefined do not count', () => {
  expect(versionOf({ ...spec, model: undefined }, [probe]).hash).toBe(versionOf(spec, [probe]).hash);
});

test('any change of what is declared changes the hash', () => {
  const parameters = z.object({ a: z.string(), b: z.string() });
  const versions = [
    versionOf(spec, [probe]),
    versionOf({ ...spec, temperature: 0 }, [probe]),
    versionOf({ ...spec, policy: { ...spec.policy, maxSteps: 4 } }, [probe]),
    versionOf(spec, []),
    versionOf(spec, [defineTool({ ...options, description: 'Another.' })]),
    versionOf(spec, [defineTool({ ...options, parameters })]),
    versionOf(spec, [defineTool({ ...options, timeoutMs: 1 })]),
  ];
  expect(new Set(versions.map(({ hash }) => hash)).size).toBe(versions.length);
});

test("a tool's code does not count: it is the worker's", () => {
  const other = defineTool({ ...options, execute: () => 'other' });
  expect(versionOf(spec, [other]).hash).toBe(versionOf(spec, [probe]).hash);
});

test('a version survives JSON, as the store keeps it', () => {
  const version = versionOf(spec, [probe]);
  expect(JSON.parse(JSON.stringify(version))).toEqual(version);
});
