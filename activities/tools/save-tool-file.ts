import { createHash } from 'node:crypto';
import type { ToolFile } from '../../agents/tool-file.ts';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import { storageLimits } from '../../contracts/attachments/storage-limits.ts';
import { contentTypeOf } from '../../core/attachments/content-type.ts';
import { saveAttachment } from '../../store/attachments/save-attachment.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** The call whose files are saved. */
interface FilesOf {
  readonly user: string;
  readonly idempotencyKey: string;
}

/** Returns a function that saves a file of a tool call. The same content of the same call is saved once, however often the call is tried. */
export function saveToolFile(
  { db, deployment }: Pick<ActivityDeps, 'db' | 'deployment'>,
  { user, idempotencyKey }: FilesOf,
): (file: ToolFile) => Promise<Attachment> {
  return async ({ data, name, contentType }) => {
    const content = typeof data === 'string' ? Buffer.from(data) : data;
    const identity = createHash('sha256')
      .update(JSON.stringify([idempotencyKey, name]))
      .update(content);
    const id = `att_${identity.digest('base64url')}`;
    const typeOf = async (head: Buffer) => await contentTypeOf(head, { name, contentType });
    const limits = storageLimits(deployment.limits);
    return await saveAttachment(db, { user, name, typeOf, limits, id }, [content]);
  };
}
