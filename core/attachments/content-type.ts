import { fileTypeFromBuffer } from 'file-type';

/** Without a known signature. */
const UNKNOWN = 'application/octet-stream';
/** What a text is if nothing more is known. */
const TEXT = 'text/plain';
/** How much of the content is examined. */
const SAMPLE_BYTES = 4_100;

/** Text types by the extension of the name. A text has no signature. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  htm: 'text/html',
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  md: 'text/markdown',
  ndjson: 'application/x-ndjson',
  svg: 'image/svg+xml',
  tsv: 'text/tab-separated-values',
  xml: 'application/xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};
const TEXT_TYPE = /^text\/[\w.+-]{1,60}$/;

/** What the sender states about a content. */
export interface ContentHints {
  readonly name: string;
  /** As in the header `Content-Type`. */
  readonly contentType?: string | null | undefined;
}

/**
 * Determines the content type by the first bytes of a content. The sender's statements count only for text, which has no
 * signature: they select the kind of text.
 */
export async function contentTypeOf(head: Uint8Array, { name, contentType }: ContentHints): Promise<string> {
  // Copied: the library rejects views that are larger than what they hold.
  const sample = Uint8Array.from(head.subarray(0, SAMPLE_BYTES));
  const found = await fileTypeFromBuffer(sample).catch(() => undefined);
  // XML has a signature, but is text all the same; of SVG and HTML it is the sender who says so.
  if (found !== undefined && found.mime !== 'application/xml') return found.mime;
  if (!isText(sample, head.length > SAMPLE_BYTES)) return UNKNOWN;
  const byName = BY_EXTENSION[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''];
  const stated = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (byName !== undefined) return byName;
  if (TEXT_TYPE.test(stated) || Object.values(BY_EXTENSION).includes(stated)) return stated;
  return found?.mime ?? TEXT;
}

const ESCAPE = 0x1b;

/** Whether the bytes are UTF-8 without control characters but line breaks, tabs, and those that colour logs. */
function isText(bytes: Uint8Array, isCut: boolean): boolean {
  if (!bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === ESCAPE)) return false;
  try {
    // A character that is cut at the end of the sample is no error.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
    return true;
  } catch {
    return false;
  }
}
