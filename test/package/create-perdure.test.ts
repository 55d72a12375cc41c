import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../docs/documents.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('npm create perdure runs perdure init with its arguments, and ends as it ends', async () => {
  const folder = await temporaryFolder();
  await cp(join(ROOT, 'packages/create-perdure/bin'), join(folder, 'bin'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const perdure = join(folder, 'node_modules', 'perdure');
  await mkdir(perdure, { recursive: true });
  await writeFile(join(perdure, 'package.json'), '{ "name": "perdure", "bin": { "perdure": "./command.js" } }');
  await writeFile(join(perdure, 'command.js'), 'console.log(process.argv.slice(2).join("|")); process.exit(3);');

  const created = promisify(execFile)(process.execPath, [
    join(folder, 'bin/create-perdure.js'),
    'my agents',
    '--force',
  ]);
  await expect(created).rejects.toMatchObject({ code: 3, stdout: 'init|my agents|--force\n' });
});
