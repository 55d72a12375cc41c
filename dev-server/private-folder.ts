import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { hasCode } from './process-identity.ts';

/** The entries of a data folder: locks, ports, Temporal's database and log, the store, and the notes of `send_note`. */
const OWN_ENTRY = /^(?:lock|temporal\.|store|ports\.json|notes\.jsonl)/;

/**
 * Creates a data folder that only its owner can read. An existing folder is restricted to its owner as well, unless it
 * contains something that is not Perdure's: then only Perdure's own entries are. Emits a process warning for entries of
 * another owner, which cannot be restricted.
 */
export function makePrivateFolder(folder: string): void {
  makeFolder(folder);
  // Windows has no such modes.
  if (process.platform === 'win32') return;
  const entries = readdirSync(folder);
  const own = entries.filter((name) => OWN_ENTRY.test(name));
  const paths = own.map((name) => join(folder, name));
  for (const path of own.length === entries.length ? [folder, ...paths] : paths) restrict(path);
}

/** Like `mkdirSync` with `recursive`, which in Node 24 never returns where the system can create no folder (`/proc/x`). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have created it meanwhile.
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function restrict(path: string): void {
  // An entry may be gone by now: SQLite removes its files.
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (stats.mode & 0o077) === 0) return;
  try {
    chmodSync(path, stats.mode & 0o700);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    process.emitWarning(`Other users may be able to read ${path}, whose permissions cannot be changed.`, {
      type: 'PerdureDataWarning',
      detail: 'Run Perdure as the owner of the data folder, or restrict the folder to its owner.',
    });
  }
}
