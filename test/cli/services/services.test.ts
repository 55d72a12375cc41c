import { expect, test, vi } from 'vitest';
import { createProgressReporter } from '../../../cli/services/progress-reporter.ts';
import { readSettings } from '../../../cli/services/settings.ts';
import { serve } from '../../../cli/services/serve.ts';
import { welcome } from '../../../cli/services/welcome.ts';
import { runCli } from '../../support/process/run-cli.ts';

test('worker and gateway as processes of their own say what they need', async () => {
  const worker = await runCli(['worker'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(worker.code).toBe(2);
  expect(worker.stderr).toContain('set DATABASE_URL (a PostgreSQL). For everything in one process use');
  const gateway = await runCli(['gateway']);
  expect(gateway.stderr).toContain('set DATABASE_URL (a PostgreSQL) and TEMPORAL_ADDRESS (a Temporal server)');
});

test('a port that is none is an error that names it', () => {
  expect(() => readSettings({ PERDURE_PORT: '80800' })).toThrow('PERDURE_PORT is "80800"');
});

test('PERDURE_LOG names a level, PERDURE_METRICS_PORT a port or off, and anything else is an error that says so', () => {
  expect(readSettings({})).toMatchObject({ log: undefined, metricsPort: 9464, metricsPortChosen: false });
  expect(readSettings({ PERDURE_LOG: 'DEBUG', PERDURE_METRICS_PORT: 'off' })).toMatchObject({
    log: 'debug',
    metricsPort: null,
  });
  expect(() => readSettings({ PERDURE_LOG: 'loud' })).toThrow(
    'PERDURE_LOG is "loud". Set it to one of debug, info, warn, error, silent.',
  );
  expect(() => readSettings({ PERDURE_METRICS_PORT: 'x' })).toThrow('PERDURE_METRICS_PORT is "x"');
});

test('settings that are empty count as not set', () => {
  expect(readSettings({ PERDURE_PORT: '', DATABASE_URL: ' ' })).toMatchObject({ port: 4747, databaseUrl: undefined });
});

test('something that takes long is never silent for more than three seconds', () => {
  vi.useFakeTimers();
  try {
    const lines: string[] = [];
    const progress = createProgressReporter((line) => lines.push(line));
    progress.step('Building the server');
    vi.advanceTimersByTime(6_000);
    progress.done();
    vi.advanceTimersByTime(6_000);
    expect(lines).toEqual([
      'Building the server…',
      '  still building the server (3 s)',
      '  still building the server (5 s)',
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('the first error of a start is reported, also if the end of what it has started fails', async () => {
  const start = serve(async ({ stack }) => {
    for (const later of ['second', 'third'])
      stack.defer(() => {
        throw new Error(later);
      });
    throw new Error('first');
  });
  await expect(start).rejects.toThrow(/^first$/);
});

test('the welcome says where everything is, and that a scripted model is one', () => {
  const up = {
    gateway: 'http://127.0.0.1:4748',
    temporal: { address: '127.0.0.1:7234', uiUrl: 'http://127.0.0.1:8233' },
    agents: ['assistant'],
    watching: null,
    inMemory: false,
    because: 'it is there',
  };
  const lines = welcome({ ...up, model: 'scripted/demo' }).join('\n');
  expect(lines).toContain('127.0.0.1:7234');
  expect(lines).toContain('http://127.0.0.1:8233');
  expect(lines).toContain('The answers are scripted');
  expect(lines).toContain('npx perdure chat --url http://127.0.0.1:4748');
  expect(welcome({ ...up, model: 'openai/gpt' }).join('\n')).not.toContain('scripted');
  const withoutUi = { ...up, temporal: { ...up.temporal, uiUrl: null }, model: 'openai/gpt' };
  expect(welcome(withoutUi).join('\n')).toContain('off; start with --ui to turn it on');
  expect(welcome({ ...up, temporal: null, model: 'openai/gpt' }).join('\n')).not.toContain('Temporal');
  const narrow = welcome({ ...up, model: 'scripted/demo', width: 60 });
  // The last lines have a command to paste, which is not broken.
  expect(narrow.filter((line) => line.startsWith(' ') && line.length > 60)).toEqual([]);
  expect(narrow).toContain('               The answers are scripted: no language model');
});
