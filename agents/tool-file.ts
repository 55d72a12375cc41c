import { quoteValue } from '../core/text/quote-value.ts';
import { LIMITS } from '../contracts/limits.ts';
import { attachmentNameSchema } from '../contracts/attachments/attachment.ts';

/** Shared by all copies of the package in a process. */
const BRAND: unique symbol = Symbol.for('perdure.toolFile') as never;

/** A file in the result of a tool. Created by {@link file}. */
export interface ToolFile {
  readonly [BRAND]: true;
  readonly data: Uint8Array | string;
  readonly name: string;
  readonly contentType: string | undefined;
}

export interface ToolFileOptions {
  /** The content; a string is stored as UTF-8. */
  readonly data: Uint8Array | string;
  /** The file's name, without a folder. */
  readonly name: string;
  /** A hint for texts, which have no signature. The content determines the type of everything else. */
  readonly contentType?: string;
}

/**
 * A file for the result of a tool, alone or within a value. It is stored as an attachment of the session's user; the result
 * has `{attachmentId, name, contentType, size}` in its place. Throws a TypeError for an invalid name.
 */
export function file({ data, name, contentType }: ToolFileOptions): ToolFile {
  const parsed = attachmentNameSchema.safeParse(name);
  if (!parsed.success) {
    const problem = parsed.error.issues[0]?.message ?? 'is not valid';
    throw new TypeError(`The name ${quoteValue(name)} of a file ${problem}.`);
  }
  return { [BRAND]: true, data, name, contentType };
}

/** The files in what a tool returned, each once. Throws a TypeError for too many. */
export function filesIn(returned: unknown): readonly ToolFile[] {
  const files = new Set<ToolFile>();
  const seen = new Set<object>();
  const visit = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > LIMITS.toolJsonDepth.value || seen.has(value)) return;
    seen.add(value);
    if (isToolFile(value)) files.add(value);
    else if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    else if (Object.getPrototypeOf(value) === Object.prototype)
      for (const item of Object.values(value)) visit(item, depth + 1);
  };
  visit(returned, 0);
  const { value: limit } = LIMITS.toolFiles;
  if (files.size > limit) throw new TypeError(`The result of the tool has ${files.size} files; the limit is ${limit}.`);
  return [...files];
}

/** Whether a value was created by {@link file}. */
export function isToolFile(value: unknown): value is ToolFile {
  return typeof value === 'object' && value !== null && BRAND in value;
}
