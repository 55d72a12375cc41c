import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { read, SOURCES, tableNames, TEST_SUPPORT } from './documents.ts';

const documented = new Set(tableNames(read('docs/settings.md')));

test('every environment variable that the source reads is in docs/settings.md', () => {
  const variables = new Set(SOURCES.flatMap((path) => variablesIn(read(path))));

  expect(variables).toContain('DATABASE_URL');
  expect([...variables].filter((name) => !documented.has(name))).toEqual([]);
});

test('every setting in docs/settings.md is one that something reads', () => {
  const everything = [...SOURCES, ...TEST_SUPPORT].map((path) => read(path)).join('\n');
  // Read by libraries: openai.
  const elsewhere = new Set(['OPENAI_API_KEY', 'OPENAI_BASE_URL']);

  expect([...documented].filter((name) => !elsewhere.has(name) && !everything.includes(name))).toEqual([]);
});

test('the compose file sets only variables that are settings, and publishes ports on loopback only', () => {
  const { services } = parse(read('docker-compose.yml'), { merge: true }) as {
    services: Record<string, { environment: Record<string, string>; ports?: string[]; image?: string }>;
  };
  const ours = [services['worker'], services['gateway']].flatMap((service) => Object.keys(service?.environment ?? {}));
  const ports = Object.values(services).flatMap((service) => service.ports ?? []);

  expect(ours).toContain('DATABASE_URL');
  expect(ours.filter((name) => !documented.has(name))).toEqual([]);
  expect(ports.length).toBeGreaterThan(0);
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
});

function variablesIn(source: string): string[] {
  const fromEnvironment = /(?:\benv(?:\.|\[')|\b(?:given|read)\(')([A-Z][A-Z0-9_]+)/g;
  const ours = /\b((?:PERDURE|REDIS)_[A-Z]+(?:_[A-Z]+)*)\b/g;
  return [fromEnvironment, ours].flatMap((pattern) => [...source.matchAll(pattern)].map(([, name = '']) => name));
}
