import { startEmbedded, acquireDataLock } from '../../src/embedded/index.ts';

/** A process that owns a data folder, for tests to race and kill: `owner-process.ts lock|embedded FOLDER [PORT]`. Says in one line of JSON what came of it. */
const [what, dataDir = '', port = '0'] = process.argv.slice(2);
try {
  if (what === 'lock') {
    await acquireDataLock(dataDir);
    say({ owns: true });
  } else {
    const { address, notes, server } = await startEmbedded({ dataDir, ports: { temporal: Number(port), ui: null } });
    say({ owns: true, address, notes, serverPid: server.pid });
  }
  // Owns the folder until it is killed, or told to exit without stopping anything.
  process.once('SIGTERM', () => process.exit(0));
  setInterval(() => {}, 60_000);
} catch (error) {
  say({ owns: false, name: error instanceof Error && error.name, message: String(error) });
}

function say(outcome: object): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
