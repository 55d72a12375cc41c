import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { servedGateway } from '../gateway/start-gateway.ts';
import { embeddedDatabase } from '../support/store/databases.ts';

const database = embeddedDatabase();
const pathOf = (name: string): string => fileURLToPath(new URL(`../support/client/${name}`, import.meta.url));

test('a program without Temporal’s packages opens, sends, streams and reads; only the option temporal needs them', async () => {
  const { url, sender } = await servedGateway(database.db);
  const answered = new Set<string | null>();
  sender.onWake = (key, { runId }) => {
    if (answered.has(runId)) return;
    answered.add(runId);
    void sender.answer(key, runId, `Answer in ${key.session.slice(0, 4)}`);
  };
  const args = ['--import', pathOf('refuse-temporal.ts'), pathOf('gateway-only-backend.ts'), url];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({
    opened: { created: true },
    sameReceipt: true,
    streamed: 'Answer in trip',
    types: expect.arrayContaining([
      'message.received',
      'run.started',
      'message.completed',
      'run.completed',
    ]) as string[],
    asked: 'Answer in trip',
    run: 'Answer in run-',
    status: 'completed',
    metadata: { topic: 'sums' },
    listed: ['trip'],
    transcript: ['user', 'assistant', 'user', 'assistant'],
    throughTemporal: expect.stringContaining('npm install @temporalio/client') as string,
  });
});
