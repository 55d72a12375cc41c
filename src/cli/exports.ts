import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { SessionExport } from '../contracts/session-export.ts';
import type { Cli } from './cli.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { count } from './show-text.ts';

/** `perdure export <session>`: one line of JSON, whatever is watching. */
export async function exportSession(cli: Cli, id: string): Promise<void> {
  cli.print(JSON.stringify(await cli.client.exportSession(id)));
}

/** `perdure import <file>`. */
export async function importSession(cli: Cli, file: string, options: { readonly as?: string }): Promise<void> {
  const document = parsed(file, file === '-' ? await text(process.stdin) : await read(file));
  const session = await cli.client.importSession(document, { id: options.as });
  if (cli.json) return cli.printJson(session);
  cli.print(
    `The session ${session.id} is here, with ${count(session.messages, 'message')}. Go on: perdure chat ${session.id}`,
  );
}

/** `perdure delete <session>`. */
export async function remove(cli: Cli, id: string, options: { readonly forget?: boolean }): Promise<void> {
  await cli.client.remove(id, options.forget ? { archive: false } : {});
  if (cli.json) return cli.printJson({ id, removed: true });
  cli.print(`The session ${id} is removed.`);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(`The file ${file} cannot be read (${code ?? 'no reason known'}).`, EXIT.usage);
  }
}

/** What is in it is checked by the gateway. */
function parsed(file: string, json: string): SessionExport {
  try {
    return JSON.parse(json) as SessionExport;
  } catch {
    throw new CliError(`The file ${file} is not JSON. Make one with \`perdure export\`.`, EXIT.usage);
  }
}
