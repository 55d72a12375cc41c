import { z } from 'zod';
import { jsonSchema } from '../json-schema.ts';
import { LIMITS } from '../limits.ts';
import { attachmentIdSchema, attachmentNameSchema } from './attachment.ts';

const isStorable = (text: string) => !text.includes('\u0000') && text.isWellFormed();
const text = z.string().refine(isStorable, 'must be well-formed text without NUL characters');

const textPartSchema = z.strictObject({ type: z.literal('text'), text });

const dataPartSchema = z.strictObject({
  type: z.literal('data'),
  /** A JSON value, which the model is given as text. */
  data: jsonSchema,
  name: attachmentNameSchema.optional(),
});

const source = {
  /** The id of an attachment of the same user. */
  attachmentId: attachmentIdSchema.optional(),
  /** Instead of an attachment's id: the content as a data URL, such as `data:image/png;base64,…`. */
  url: z
    .string()
    .regex(/^data:/i, 'must be a data URL; upload other content and send its attachmentId')
    .optional(),
  /** The file's name; only beside `url`. */
  name: attachmentNameSchema.optional(),
};

interface Source {
  readonly attachmentId?: string | undefined;
  readonly url?: string | undefined;
  readonly name?: string | undefined;
}

/** Adds the problem of a part that does not have exactly one source. */
function checkSource<Part extends Source>({ value, issues }: z.core.ParsePayload<Part>): void {
  const problem =
    (value.attachmentId === undefined) === (value.url === undefined)
      ? 'must have either an attachmentId or a url'
      : value.attachmentId !== undefined && value.name !== undefined
        ? 'must not have a name beside its attachmentId: an attachment has its name'
        : null;
  if (problem !== null) issues.push({ code: 'custom', message: problem, input: value });
}

/** A part of a message as it is sent. */
const inputPartSchema = z.discriminatedUnion('type', [
  textPartSchema,
  z.strictObject({ type: z.literal('image'), ...source }).check(checkSource),
  z.strictObject({ type: z.literal('file'), ...source }).check(checkSource),
  dataPartSchema,
]);
export type InputPart = z.infer<typeof inputPartSchema>;

/** The parts of a message, in order. */
export const inputPartsSchema = z
  .array(inputPartSchema)
  .min(1, 'must have a part')
  .max(LIMITS.contentParts.value)
  .refine(
    (parts) => parts.some((part) => part.type !== 'text' || part.text.trim() !== ''),
    'must have a part that is not empty',
  )
  .refine(
    (parts) => parts.filter(isFilePart).length <= LIMITS.messageAttachments.value,
    `must have at most ${LIMITS.messageAttachments.value} images and files`,
  );

/** What a message refers to of an attachment. */
const attached = {
  attachmentId: attachmentIdSchema,
  name: attachmentNameSchema,
  contentType: z.string().max(200),
  size: z.number().int().min(0),
};

/** A part of a message as it is kept: images and files are attachments. */
export const messagePartSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text }),
  z.object({ type: z.literal('image'), ...attached }),
  z.object({ type: z.literal('file'), ...attached }),
  z.object({ type: z.literal('data'), data: jsonSchema, name: attachmentNameSchema.optional() }),
]);
export type MessagePart = z.infer<typeof messagePartSchema>;

/** The parts of a message; absent in a message that is only text. */
export const messagePartsSchema = z.array(messagePartSchema).min(1).max(LIMITS.contentParts.value);

/** Whether a part is an image or a file. */
export function isFilePart<Part extends { readonly type: string }>(
  part: Part,
): part is Extract<Part, { readonly type: 'image' | 'file' }> {
  return part.type === 'image' || part.type === 'file';
}

/** The text of the text parts. */
export function textOfParts(parts: readonly { readonly type: string; readonly text?: string }[]): string {
  return parts.flatMap((part) => (part.type === 'text' && part.text !== undefined ? [part.text] : [])).join('\n\n');
}
