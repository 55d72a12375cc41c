import { attachmentKind, type Attachment } from '../contracts/attachments/attachment.ts';
import type { InputPart } from '../contracts/attachments/content-parts.ts';
import type { DownloadRange, GatewayClient, UploadOptions } from './http/gateway-client.ts';
import type { FileContent } from './http/http-client.ts';

/** The owner of an attachment. Default: the user of the client. A session's messages refer to attachments of its own user. */
interface Owner {
  readonly user?: string | undefined;
}

/** Images and files that messages refer to. */
export interface Attachments {
  /** Uploads a file. Rejects with `too_large` over a limit; nothing remains of an upload that fails. */
  upload(content: FileContent, options: UploadOptions & Owner): Promise<Attachment>;
  /** The content of an attachment, or a part of it, as a response whose body can be streamed. Rejects with `not_found`. */
  download(attachmentId: string, options?: { readonly range?: DownloadRange } & Owner): Promise<Response>;
}

export function createAttachments(user: string, gatewayOf: (user: string) => GatewayClient): Attachments {
  return {
    upload: (content, { user: owner = user, ...options }) => gatewayOf(owner).upload(content, options),
    download: (attachmentId, { user: owner = user, range } = {}) => gatewayOf(owner).download(attachmentId, range),
  };
}

/** The part of a message that refers to an attachment. */
export function partOf({ id, contentType }: Pick<Attachment, 'id' | 'contentType'>): InputPart {
  return { type: attachmentKind(contentType) === 'image' ? 'image' : 'file', attachmentId: id };
}
