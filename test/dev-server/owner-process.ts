import { once } from 'node:events';
import { startEmbedded, acquireDataLock } from '../../dev-server/index.ts';

/**
 * A process that acquires a data folder, for tests that race and kill owners: `owner-process.ts lock|embedded FOLDER
 * [PORT]`. Prints a line when it is loaded, waits for input, and prints the outcome as a line of JSON. On SIGTERM it exits
 * without stopping anything.
 */
process.once('SIGTERM', () => process.exit(0));

// Loaded: the processes of a race start together from here.
say({ ready: true });
await once(process.stdin, 'data');
process.stdin.pause();

const [what, dataDir = '', port = '0'] = process.argv.slice(2);
try {
  if (what === 'lock') {
    const lock = await acquireDataLock(dataDir);
    process.once('SIGUSR2', () => {
      lock.recordStopping();
      say({ stopping: true });
    });
    say({ owns: true });
  } else {
    const { address, notes, server } = await startEmbedded({ dataDir, ports: { temporal: Number(port), ui: false } });
    say({ owns: true, address, notes, serverPid: server.pid });
  }
  // Keeps the folder until it is killed.
  setInterval(() => {}, 60_000);
} catch (error) {
  say({ owns: false, name: error instanceof Error && error.name, message: String(error) });
}

function say(outcome: object): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
