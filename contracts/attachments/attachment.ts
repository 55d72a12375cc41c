import { z } from 'zod';
import { LIMITS } from '../limits.ts';

/** The id of an attachment. */
export const attachmentIdSchema = z.string().regex(/^att_[A-Za-z0-9_-]{1,60}$/, 'must be the id of an attachment');

/** The name of a file without its folder: any printable characters but slashes. */
export const attachmentNameSchema = z
  .string()
  .min(1)
  .max(LIMITS.attachmentNameCharacters.value)
  .refine((name) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) && name.isWellFormed(), 'must not contain control characters')
  .refine((name) => !/[/\\]/.test(name), 'must not contain slashes: name the file without its folder');

/** The content type of an attachment, without parameters. */
const contentTypeSchema = z.string().max(200);

/** What an attachment is, without its content. */
export const attachmentSchema = z.object({
  id: attachmentIdSchema,
  name: attachmentNameSchema,
  /** Determined from the content. */
  contentType: contentTypeSchema,
  /** In bytes. */
  size: z.number().int().min(0),
  /** Of the content, in hexadecimal. */
  sha256: z.string(),
});
export type Attachment = z.infer<typeof attachmentSchema>;

/** How an attachment reaches a model: as an image, as text, or as a file. */
export type AttachmentKind = 'image' | 'text' | 'file';

/** The images that models accept. */
const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const TEXT_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/xml',
  'application/yaml',
  'application/javascript',
  'application/x-ndjson',
  'image/svg+xml',
]);

export function attachmentKind(contentType: string): AttachmentKind {
  if (IMAGE_TYPES.has(contentType)) return 'image';
  return contentType.startsWith('text/') || TEXT_TYPES.has(contentType) ? 'text' : 'file';
}
