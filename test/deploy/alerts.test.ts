import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findProgram } from '../../dev-server/find-program.ts';
import { read, ROOT } from '../docs/documents.ts';
import { cannotRunHere } from '../support/cannot-run-here.ts';

interface AlertTest {
  readonly name: string;
  readonly promql_expr_test: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[];
}

const FOLDER = join(ROOT, 'deploy/prometheus');
const promtool = findProgram('promtool', process.env);

/** Rejects with promtool's output if the files do not pass. */
async function check(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(promtool ?? 'promtool', args, { cwd: FOLDER, timeout: 60_000 });
  return stdout;
}

describe('alerts', () => {
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: { alert: string }[] }[] };
  const { tests } = parse(read('deploy/prometheus/alerts.test.yml')) as { tests: AlertTest[] };

  test.each(groups.flatMap(({ rules }) => rules))(
    '$alert has a case in which it fires, and one in which it does not',
    ({ alert }) => {
      const cases = tests.filter(({ name }) => name.startsWith(`${alert}: `)).flatMap((one) => one.promql_expr_test);
      expect(cases.filter(({ expr }) => !expr.includes(`alertname="${alert}"`))).toEqual([]);
      const samples = cases.map(({ exp_samples }) => exp_samples.length);
      expect(samples).toContain(0);
      expect(samples.some((count) => count > 0)).toBe(true);
    },
  );

  test('they fire when their cases require it, and not otherwise', async ({ skip }) => {
    if (promtool === null) return cannotRunHere(skip, 'no promtool on the PATH');
    expect(await check('test', 'rules', 'alerts.test.yml')).toContain('SUCCESS');
  });
});

test('the configuration of Prometheus and its rules are valid', async ({ skip }) => {
  if (promtool === null) return cannotRunHere(skip, 'no promtool on the PATH');
  const output = await check('check', 'config', 'prometheus.yml');
  expect(output).toContain('1 rule files found');
  expect(output).not.toContain('FAILED');
});
