import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError, EXIT } from './exit-codes.ts';

/** The command of the user's editor, as other programs find it; undefined if none is set. */
export function editorOf(env: NodeJS.ProcessEnv): string | undefined {
  return env['VISUAL'] || env['EDITOR'] || undefined;
}

/**
 * Lets the user edit a text in their editor, which has the terminal until it ends. Returns the text; throws a {@link CliError} when
 * the editor cannot be started or fails. The file is readable by the user only, and removed afterwards.
 */
export async function editText(editor: string, text: string, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-edit-'));
  try {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    // The command may have arguments, such as `code --wait`: a shell splits it.
    const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) {
      throw new CliError(
        `The editor ${JSON.stringify(editor)} ended with code ${code}. Nothing was sent.`,
        EXIT.failed,
      );
    }
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
