import { createHash } from 'node:crypto';
import { attachmentKind, type Attachment } from '../contracts/attachments/attachment.ts';
import { isFilePart, textOfParts, type InputPart, type MessagePart } from '../contracts/attachments/content-parts.ts';
import { storageLimits } from '../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../contracts/errors.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { MessageInput } from '../contracts/session/message.ts';
import { contentTypeOf } from '../core/attachments/content-type.ts';
import { parseDataUrl } from '../core/attachments/data-url.ts';
import { noSuchAttachment, readAttachments } from '../store/attachments/read-attachments.ts';
import { saveAttachment } from '../store/attachments/save-attachment.ts';
import type { IncomingMessage } from '../store/admission/admission-request.ts';
import type { AdmissionDeps } from './admission-deps.ts';

type ContentDeps = Pick<AdmissionDeps, 'db' | 'deployment'>;
type GivenMessage = MessageInput & { readonly id: string };
type FilePart = Extract<InputPart, { type: 'image' | 'file' }>;

/**
 * Resolves the content of messages: saves the data URLs as attachments, and reads what the ids refer to. What is wrong with the
 * parts of a message becomes its refusal. Reads and writes nothing for messages that are only text.
 */
export async function resolveContent(
  deps: ContentDeps,
  user: string,
  messages: readonly GivenMessage[],
): Promise<readonly IncomingMessage[]> {
  return await Promise.all(messages.map(async (message) => await resolve(deps, user, message)));
}

async function resolve(deps: ContentDeps, user: string, message: GivenMessage): Promise<IncomingMessage> {
  const { content, ...rest } = message;
  if (typeof content === 'string') return { ...rest, content };
  const text = textOfParts(content);
  if (content.every(({ type }) => type === 'text')) return { ...rest, content: text };
  const files = content.filter(isFilePart);
  const ids = files.flatMap(({ attachmentId }) => (attachmentId === undefined ? [] : [attachmentId]));
  const known = ids.length === 0 ? new Map<string, Attachment>() : await readAttachments(deps.db, user, ids);
  const parts: MessagePart[] = [];
  let refusal: IncomingMessage['refusal'];
  for (const [index, part] of content.entries()) {
    try {
      parts.push(isFilePart(part) ? await attached(deps, user, part, known, index + 1) : part);
    } catch (error) {
      if (!(error instanceof PerdureError) || error.code === 'store_unavailable' || error.code === 'internal')
        throw error;
      refusal ??= { code: error.code === 'not_found' ? 'invalid_request' : error.code, detail: error.message };
      parts.push({ type: 'file', attachmentId: idIn(part), name: 'unknown', contentType: '', size: 0 });
    }
  }
  refusal ??= tooMuch(parts);
  return { ...rest, content: text, parts, refusal };
}

function idIn(part: InputPart): string {
  return (isFilePart(part) ? part.attachmentId : undefined) ?? 'att_none';
}

async function attached(
  deps: ContentDeps,
  user: string,
  part: FilePart,
  known: ReadonlyMap<string, Attachment>,
  place: number,
): Promise<MessagePart> {
  const { type, attachmentId } = part;
  const found = attachmentId === undefined ? await saveInline(deps, user, part) : known.get(attachmentId);
  if (found === undefined) throw noSuchAttachment(attachmentId ?? '');
  const { id, name, contentType, size } = found;
  if (type === 'image' && attachmentKind(contentType) !== 'image') {
    throw new PerdureError(
      'invalid_request',
      `Part ${place} of the message is no image that models accept: its content is ${contentType}. Send it as a part of the type "file", or convert it to PNG, JPEG, GIF or WebP.`,
    );
  }
  return { type, attachmentId: id, name, contentType, size };
}

/** The same content gets the same id, so that a repeated message is the same. */
async function saveInline(
  { db, deployment }: ContentDeps,
  user: string,
  { type, url = '', name = type }: FilePart,
): Promise<Attachment> {
  const parsed = parseDataUrl(url);
  if (parsed === null || parsed.bytes.length === 0) {
    throw new PerdureError(
      'invalid_request',
      `The url of the ${type} is not a data URL with content. Use data:image/png;base64,…, or upload the file and send its attachmentId.`,
    );
  }
  const { bytes, contentType } = parsed;
  const limits = storageLimits(deployment.limits);
  const maxBytes = Math.min(LIMITS.inlineBytes.value, limits.attachmentBytes);
  if (bytes.length > maxBytes) {
    throw new PerdureError(
      'too_large',
      `The ${type} has ${bytes.length} bytes; the limit of a data URL is ${maxBytes}. Upload it with POST /v1/attachments, and send its attachmentId.`,
    );
  }
  const identity = createHash('sha256')
    .update(JSON.stringify([name, contentType]))
    .update(bytes)
    .digest('base64url');
  const typeOf = async () => await contentTypeOf(bytes, { name, contentType });
  return await saveAttachment(db, { user, name, typeOf, limits, id: `att_${identity}` }, [bytes]);
}

function tooMuch(parts: readonly MessagePart[]): IncomingMessage['refusal'] {
  const bytes = parts.filter(isFilePart).reduce((sum, { size }) => sum + size, 0);
  const limit = LIMITS.messageAttachmentBytes.value;
  if (bytes <= limit) return undefined;
  const detail = `The images and files of the message have ${bytes} bytes; the limit is ${limit}. Send them in several messages.`;
  return { code: 'too_large', detail };
}
