import { once } from 'node:events';
import { startEmbedded, acquireDataLock } from '../../dev-server/index.ts';

/**
 * A process that owns a data folder, for tests to race and kill: `owner-process.ts lock|embedded FOLDER [PORT]`.
 * Says that it is ready, waits for a word on its standard input, and says in a line of JSON what came of it. Told to end, it exits without stopping anything.
 */
process.once('SIGTERM', () => process.exit(0));

// Loaded: from here on the processes of a race go together.
say({ ready: true });
await once(process.stdin, 'data');
process.stdin.pause();

const [what, dataDir = '', port = '0'] = process.argv.slice(2);
try {
  if (what === 'lock') {
    await acquireDataLock(dataDir);
    say({ owns: true });
  } else {
    const { address, notes, server } = await startEmbedded({ dataDir, ports: { temporal: Number(port), ui: null } });
    say({ owns: true, address, notes, serverPid: server.pid });
  }
  // Owns the folder until it is killed.
  setInterval(() => {}, 60_000);
} catch (error) {
  say({ owns: false, name: error instanceof Error && error.name, message: String(error) });
}

function say(outcome: object): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
