import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addEnvFile } from '../../../cli/services/env-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the variables of the file are added, those that are set already keep their value', async () => {
  const file = join(await temporaryFolder(), '.env');
  await writeFile(file, '# the model\nPERDURE_MODEL=scripted/demo\nOPENAI_API_KEY="from the file"\n');
  const env: NodeJS.ProcessEnv = { OPENAI_API_KEY: 'from the shell' };
  addEnvFile(env, file);
  expect(env).toEqual({ OPENAI_API_KEY: 'from the shell', PERDURE_MODEL: 'scripted/demo' });
});

test('without the file nothing is added, and one that cannot be read is an error that names it', async () => {
  const folder = await temporaryFolder();
  const env = {};
  addEnvFile(env, join(folder, '.env'));
  expect(env).toEqual({});
  await mkdir(join(folder, 'taken'));
  expect(() => addEnvFile(env, join(folder, 'taken'))).toThrow('taken cannot be read (EISDIR');
});
