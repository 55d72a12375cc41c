import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startCli } from '../../support/process/run-cli.ts';

test('Ctrl-C during `send --wait` states that the run continues, and the commands that show and stop it', async () => {
  // It never responds.
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, 'listening');
  const requested = once(server, 'request');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sending = startCli(['send', '--wait', '--session', 'trip', 'Hi'], { PERDURE_URL: url });
  await requested;
  sending.signal('SIGINT');
  expect(await sending.done).toEqual({
    code: 130,
    stdout: '',
    stderr:
      'Stopped waiting. If the message has arrived, its run continues: `perdure watch trip` shows it, `perdure cancel trip` stops it.\n',
  });
}, 60_000);
