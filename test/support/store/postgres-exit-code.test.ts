import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test.each(['startPostgres', 'startPackaged'])(
  'a process that has called %s ends with its own exit code, so that failed tests fail the run',
  (start) => {
    const module = new URL('./postgres-server.ts', import.meta.url).href;
    const script = `
      const { ${start} } = await import(${JSON.stringify(module)});
      const server = await ${start}();
      await server.stop();
      process.exitCode = 3;`;
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    expect(child.stderr).toBe('');
    expect(child.status).toBe(3);
  },
  60_000,
);
