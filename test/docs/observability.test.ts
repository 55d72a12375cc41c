import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CATALOGUE } from '../../telemetry/catalogue.ts';
import { read, section, SOURCES, tableNames } from './documents.ts';

test('docs/observability.md lists every metric with its type and labels, and none that is not there', () => {
  const rows = section(read('docs/observability.md'), 'Metrics')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const described = rows.map(([, name = '', type = '', , labels = '']) => ({
    name: name.replaceAll('`', ''),
    type,
    labels: [...labels.matchAll(/`([^`]+)`/g)].map(([, label]) => label),
  }));

  expect(described).toEqual(
    Object.values(CATALOGUE).map(({ name, type, labels }) => ({ name, type, labels: [...labels] })),
  );
});

test('every field that a log line can carry is named, and every message', () => {
  const logs = section(read('docs/observability.md'), 'Logs');
  const fields = [...read('telemetry/log-fields.ts').matchAll(/^ {2}readonly (\w+)\?/gm)].map(([, name]) => name);
  const messages = SOURCES.flatMap((path) => [
    ...read(path).matchAll(/\blog\.(?:debug|info|warn|error)\(\s*['"]([^'"]+)/g),
  ]).map(([, message]) => message);

  expect(fields).toContain('session');
  expect(fields.filter((name) => !logs.includes(`\`${name}\``))).toEqual([]);
  expect(messages).toContain('Run failed');
  expect(messages.filter((message) => !logs.includes(`\`${message}\``))).toEqual([]);
});

test('every alert is described, and none that is not there', () => {
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: { alert: string }[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));

  expect(tableNames(section(read('docs/observability.md'), 'Dashboard and alerts'))).toEqual(alerts);
});
