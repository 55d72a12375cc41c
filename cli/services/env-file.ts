import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { CliError, EXIT } from '../shared/exit-codes.ts';

/** Adds the variables of the file `.env`, if there is one, to `env`, except empty ones. Variables that are set already keep their value. */
export function addEnvFile(env: NodeJS.ProcessEnv, file = '.env'): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new CliError(`The file ${file} cannot be read (${message}). Make it readable, or remove it.`, EXIT.usage);
  }
  for (const [name, value] of Object.entries(parseEnv(text))) if (value?.trim()) env[name] ||= value;
}
