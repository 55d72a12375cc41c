import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../assets/package-files.ts';

/** Prints the settings as the process begins. */
const PRINT = "--import=data:text/javascript,console.error('memory',process.env.MALLOC_ARENA_MAX,...process.execArgv)";

/** The arenas and the flags of the processes of a command, one after the other. */
async function memoryOf(args: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  const { MALLOC_ARENA_MAX: _, ...inherited } = process.env;
  const { stderr } = await promisify(execFile)(process.execPath, [join(PACKAGE_ROOT, 'bin', 'perdure.js'), ...args], {
    env: { ...inherited, NODE_OPTIONS: PRINT, ...env },
  });
  return [...stderr.matchAll(/^memory (.*)$/gm)].map(([, value]) => value ?? '');
}

test.runIf(process.platform === 'linux')(
  'servers begin with two memory arenas and little space for new objects, other commands as they are',
  async () => {
    expect(await memoryOf(['worker', '--help'])).toEqual(['undefined', '2 --max-semi-space-size=8']);
    expect(await memoryOf(['worker', '--help'], { MALLOC_ARENA_MAX: '4' })).toEqual(['4']);
    expect(await memoryOf(['worker', '--help'], { NODE_OPTIONS: `${PRINT} --max-semi-space-size=32` })).toEqual([
      'undefined',
      '2',
    ]);
    expect(await memoryOf(['sessions', '--help'])).toEqual(['undefined']);
  },
);
