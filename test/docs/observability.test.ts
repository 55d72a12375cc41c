import { expect, test } from 'vitest';
import { CATALOGUE } from '../../src/telemetry/catalogue.ts';
import { read, section } from './documents.ts';

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
