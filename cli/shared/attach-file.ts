import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { partOf } from '../../client/attachments.ts';
import type { GatewayClient } from '../../client/http/gateway-client.ts';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import type { MessageContent } from '../../contracts/session/message.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { fileErrorCode, fileErrorReason } from './read-text-file.ts';

/** Uploads a file; it is read while it is sent. Throws a {@link CliError} for one that cannot be read. */
export async function attachFile(client: Pick<GatewayClient, 'upload'>, path: string): Promise<Attachment> {
  const content = await open(path);
  const name = basename(path).replace(/[\p{Cc}\p{Zl}\p{Zp}\\]/gu, '_');
  return await client.upload(content, { name });
}

async function open(path: string): Promise<Blob> {
  const file = JSON.stringify(path);
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new CliError(`${file} is not a file. Attach a file.`, EXIT.usage);
    if (found.size === 0) throw new CliError(`The file ${file} is empty. Attach a file with content.`, EXIT.usage);
    return await openAsBlob(path);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const code = fileErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new CliError(`The file ${file} does not exist. Check the path.`, EXIT.usage);
    throw new CliError(`The file ${file} cannot be read: ${fileErrorReason(error)}.`, EXIT.usage);
  }
}

/** The content of a message with the files before its text. */
export function contentWith(attachments: readonly Attachment[], text: string): MessageContent {
  if (attachments.length === 0) return text;
  return [...attachments.map(partOf), ...(text === '' ? [] : [{ type: 'text' as const, text }])];
}

/** Uploads the files and returns the content of a message with them. */
export async function attachFiles(
  client: Pick<GatewayClient, 'upload'>,
  paths: readonly string[],
  text: string,
): Promise<MessageContent> {
  const attachments: Attachment[] = [];
  for (const path of paths) attachments.push(await attachFile(client, path));
  return contentWith(attachments, text);
}
