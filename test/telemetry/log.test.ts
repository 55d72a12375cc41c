import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { PerdureError } from '../../contracts/errors.ts';
import { createLog, type LogOptions } from '../../telemetry/log.ts';
import { sdkLogger } from '../../telemetry/sdk-logger.ts';

function recorded(options: LogOptions = {}) {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(line), ...options });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('a line is JSON with level, time, message, its fields and the trace that is going', () => {
  const { log, parsed } = recorded({ traceId: () => '4bf92f3577b34da6a3ce929d0e0e4736' });
  log.warn('Model call failed', { session: 'trip', run: 'r', attempt: 2, code: 'rate_limited' });

  expect(parsed()).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      process: process.pid,
      msg: 'Model call failed',
      trace: '4bf92f3577b34da6a3ce929d0e0e4736',
      session: 'trip',
      run: 'r',
      attempt: 2,
      code: 'rate_limited',
    },
  ]);
});

test('what is no field of a line is dropped, and a field of another type too', () => {
  const { log, lines } = recorded();
  const slipped = { session: 'trip', content: 'MARKER', user: 'MARKER', step: 'MARKER', tool: { name: 'MARKER' } };
  log.info('Run completed', slipped as object);

  expect(lines[0]).toContain('"session":"trip"');
  expect(lines[0]).not.toContain('MARKER');
});

test('of a foreign error the name, the code and the place are shown, not its words; of ours the words too', () => {
  const { log, lines, parsed } = recorded();
  const foreign = Object.assign(new Error('connect postgres://u:MARKER@db failed\n    at MARKER'), {
    code: 'ECONNREFUSED',
    detail: 'MARKER',
    parameters: ['MARKER'],
    cause: new Error('MARKER'),
  });
  log.error('Request failed', { error: foreign });
  log.error('Request failed', { error: new PerdureError('store_unavailable', 'The store does not answer.') });
  log.error('Request failed', { error: 'MARKER' });

  expect(lines.join('')).not.toContain('MARKER');
  expect(parsed()[0]?.['error']).toMatchObject({
    name: 'Error',
    code: 'ECONNREFUSED',
    at: expect.arrayContaining([expect.stringContaining('log.test.ts')]),
  });
  expect(parsed()[1]?.['error']).toMatchObject({ code: 'store_unavailable', message: 'The store does not answer.' });
  expect(parsed()[2]?.['error']).toEqual({ name: 'string' });
});

test('what Temporal’s SDK logs is shown without the user and without attributes that nobody knows', () => {
  const { log, lines, parsed } = recorded();
  sdkLogger(log).warn('Activity failed', {
    sdkComponent: 'worker',
    workflowId: 'MARKER-user:trip',
    activityType: 'advanceRun',
    attempt: 3,
    taskToken: 'MARKER',
    error: new Error('MARKER'),
  });

  expect(lines.join('')).not.toContain('MARKER');
  expect(parsed()[0]).toMatchObject({
    level: 'warn',
    msg: 'Activity failed',
    component: 'worker',
    activity: 'advanceRun',
    session: 'trip',
    attempt: 3,
  });
});

test('a try that failed as its activity meant it to is told once, by the activity', () => {
  const { log, lines } = recorded({ level: 'info' });
  const error = ApplicationFailure.create({ type: 'rate_limited', message: 'Slow down.' });
  sdkLogger(log).warn('Activity failed', { error });

  expect(lines).toEqual([]);
});

test('for people a line is plain, and what is below the level is not written', () => {
  const { log, lines } = recorded({ level: 'warn', format: 'plain' });
  log.info('Run completed', { run: 'r' });
  log.warn('Run failed', { run: 'r', code: 'timeout' });
  log.error('Request failed', { error: new PerdureError('internal', 'It broke.') });

  expect(lines).toEqual(['  warn: Run failed (run=r, code=timeout)\n', '  error: Request failed: It broke.\n']);
});
