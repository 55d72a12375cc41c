import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findModels } from '../../../cli/services/services.ts';
import { createProgressReporter } from '../../../cli/services/progress-reporter.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('limits of a provider that there is not are refused, with those that there are; a worker and start end by it before they open the store', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'perdure.yaml');
  await writeFile(file, 'providers:\n  opnai: { concurrency: 4 }\n');
  const env = {
    PERDURE_CONFIG: file,
    PERDURE_DATA: join(folder, 'data'),
    PERDURE_AGENTS: join(folder, 'agents'),
    OPENAI_API_KEY: 'canary',
  };
  const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/perdure', TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const worker = runCli(['worker'], { ...env, ...nowhere });
  expect((await worker).stdout).not.toContain('Temporal');
  for (const { code, stdout, stderr } of await Promise.all([worker, runCli(['start'], env)])) {
    expect(stderr).toMatch(/^The deployment limits an unknown provider: "opnai"\. Use one of .*\bopenai\b.*\.\n$/);
    expect(code).toBe(2);
    expect(stdout).not.toMatch(/store|PostgreSQL|ready/);
  }
}, 30_000);

test('limits of a provider that there is are taken', async () => {
  const progress = createProgressReporter(() => undefined);
  const env = { OPENAI_API_KEY: 'none' };
  const models = await findModels(env, { providers: { openai: { concurrency: 4 } } }, progress);
  progress.done();
  expect(models.providers).toContain('openai');
});
