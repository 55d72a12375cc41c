import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TURN } from './bench-agent.ts';
import type { Benchmark, BenchmarkRow } from './benchmark.ts';
import { talkBlock } from './talk.ts';
import type { World } from './world.ts';

/** Disk writes of a turn. */
export const bytesWritten: Benchmark = {
  name: 'bytes-written',
  describe:
    'Bytes that the Temporal server and the embedded store write per turn, over 10 sessions: the growth of their files, and what their processes write to disk (including write-ahead logs and repeated writes of a page; Linux only). The store’s figures are of the worker’s process, so they do not include a served PostgreSQL.',
  async run(world) {
    const level = { sessions: 10, turns: world.size(50, 5) };
    const rows: BenchmarkRow[] = [];
    const kinds = {
      floor: () => talkBlock(() => world.floor.talk(), TURN.plain, level),
      plain: () => talkBlock(() => world.talk(), TURN.plain, level),
      tool: () => talkBlock(() => world.talk(), TURN.tool, level),
    };
    for (const [what, block] of Object.entries(kinds)) {
      const before = written(world);
      await block();
      // Includes the turn that starts a session, which writes as well.
      rows.push({ what, values: perTurn(before, written(world), level.sessions * (level.turns + 1)) });
    }
    return { rows };
  },
};

function written({ temporal, dataDir, databaseUrl }: World): Record<string, number> {
  const server = process.platform === 'linux' ? { 'server writes': writeBytes(temporal.pid) } : {};
  const store = process.platform === 'linux' ? { 'store writes': writeBytes(process.pid) } : {};
  const files = { 'server files': sizeOf(dataDir, (name) => name.startsWith('temporal.db')) };
  if (databaseUrl) return { ...files, ...server };
  return { ...files, ...server, 'store files': sizeOf(join(dataDir, 'store'), () => true), ...store };
}

/** Bytes that a process has written to storage. */
function writeBytes(pid: number): number {
  const [, bytes] = /^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8')) ?? [];
  return Number(bytes);
}

function sizeOf(folder: string, counts: (name: string) => boolean): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files
    .filter(({ name }) => counts(name))
    .map(({ parentPath, name }) => statSync(join(parentPath, name)));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

function perTurn(before: Record<string, number>, after: Record<string, number>, turns: number): Record<string, number> {
  const growth = Object.entries(after).map(([name, bytes]) => {
    return [`${name}, kB`, (bytes - (before[name] ?? Number.NaN)) / turns / 1_000] as const;
  });
  return { ...Object.fromEntries(growth), turns };
}
