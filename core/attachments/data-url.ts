/** The content of a data URL. */
export interface DataUrl {
  /** As stated; empty if it states none. */
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** Decodes a data URL; null if it is malformed. */
export function parseDataUrl(url: string): DataUrl | null {
  const comma = url.indexOf(',');
  if (!/^data:/i.test(url) || comma === -1) return null;
  const [contentType = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  const content = url.slice(comma + 1);
  const isBase64 = parameters.at(-1)?.trim().toLowerCase() === 'base64';
  const bytes = isBase64 ? fromBase64(content) : fromPercentEncoding(content);
  return bytes && { contentType: contentType.trim().toLowerCase(), bytes };
}

function fromBase64(content: string): Buffer | null {
  const compact = content.replace(/\s/g, '');
  // `Buffer.from` skips what is not base64.
  return /^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 !== 1 ? Buffer.from(compact, 'base64') : null;
}

function fromPercentEncoding(content: string): Buffer | null {
  try {
    return Buffer.from(decodeURIComponent(content));
  } catch {
    return null;
  }
}
