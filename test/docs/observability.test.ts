import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CATALOGUE } from '../../telemetry/catalogue.ts';
import { read, section, SOURCES, tableNames } from './documents.ts';

interface Rule {
  readonly alert: string;
  readonly annotations: { readonly runbook_url: string };
}

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

test('every alert leads to its section of the runbook, which says what it means, what users see, where to look, what to do and when it is over', () => {
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
  const alerts = groups.flatMap(({ rules }) => rules);
  const runbook = read('docs/runbook/alerts.md');
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook_url).toBe(`docs/runbook/alerts.md#${alert.toLowerCase()}`);
    const parts = [...section(runbook, alert).matchAll(/^\*\*(\w[\w ]*)\.\*\*/gm)].map(([, part]) => part);
    expect({ alert, parts }).toEqual({ alert, parts: ['Means', 'Users see', 'Look', 'Do', 'Over'] });
  }
  const sections = [...runbook.matchAll(/^## (Perdure\w+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(alerts.map(({ alert }) => alert));
});
