import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerdureError } from '../contracts/errors.ts';
import { anyPort, choosePort, DEFAULT_PORTS, isFree } from './ports.ts';

/** The ports that were asked for. One that is in use is an error. */
export interface RequestedPorts {
  /** 0: any free port. Default: the folder's last port, else 7233, else the next free one. */
  readonly temporal?: number | undefined;
  /** A port; 0: any free port; true: the folder's last port, else 8233, else the next free one. Default false: no UI. */
  readonly ui?: number | boolean | undefined;
}

/** Free ports, with notes for the user about those that were in use. */
export interface ChosenPorts {
  readonly temporal: number;
  readonly ui: number | null;
  readonly notes: readonly string[];
}

interface RememberedPorts {
  readonly temporal?: number;
  readonly ui?: number;
}

/** Chooses the ports of a server on a data folder; null: in memory. Call {@link rememberPorts} when it listens on them. */
export async function choosePorts(
  dataDir: string | null,
  { temporal, ui = false }: RequestedPorts,
): Promise<ChosenPorts> {
  const remembered = dataDir === null ? {} : readPorts(dataDir);
  const main = await choose(
    temporal,
    remembered.temporal ?? DEFAULT_PORTS.temporal,
    'Temporal',
    'PERDURE_TEMPORAL_PORT',
  );
  const uiPort =
    ui === false
      ? null
      : await choose(
          ui === true ? undefined : ui,
          remembered.ui ?? DEFAULT_PORTS.ui,
          'the Temporal UI',
          'PERDURE_TEMPORAL_UI_PORT',
        );
  const notes = [main.note, uiPort?.note].filter((note) => typeof note === 'string');
  return { temporal: main.port, ui: uiPort?.port ?? null, notes };
}

/** Records the ports in the data folder, so that the next start takes them again. */
export function rememberPorts(dataDir: string, { temporal, ui }: Pick<ChosenPorts, 'temporal' | 'ui'>): void {
  const before = readPorts(dataDir);
  const ports: RememberedPorts = { ...before, temporal, ...(ui === null ? {} : { ui }) };
  writeFileSync(fileOf(dataDir), `${JSON.stringify(ports)}\n`, { mode: 0o600 });
}

async function choose(
  requested: number | undefined,
  preferred: number,
  what: string,
  variable: string,
): Promise<{ port: number; note: string | null }> {
  if (requested === undefined) return choosePort(preferred, what);
  if (requested === 0) return { port: await anyPort(), note: null };
  if (await isFree(requested)) return { port: requested, note: null };
  throw new PerdureError(
    'temporal_unavailable',
    `${what} cannot listen on port ${requested}, which is in use. Stop the program that uses it, or set ${variable} to another port.`,
  );
}

function readPorts(dataDir: string): RememberedPorts {
  try {
    const ports = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as Record<string, unknown> | null;
    return { ...portOf('temporal', ports), ...portOf('ui', ports) };
  } catch {
    // Missing or unreadable: the default ports are tried.
    return {};
  }
}

function portOf(name: keyof RememberedPorts, ports: Record<string, unknown> | null): RememberedPorts {
  const port = ports?.[name];
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port <= 65_535 ? { [name]: port } : {};
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'ports.json');
}
