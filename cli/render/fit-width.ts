import stringWidth from 'string-width';

/** Pads a text with spaces to a width in terminal columns. */
export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** A text that takes exactly `width` terminal columns: padded with spaces, or cut and ended with `…`. */
export function fitWidth(text: string, width: number): string {
  return padToWidth(cutToWidth(text, width), width);
}

/** A text that takes at most `width` terminal columns: cut and ended with `…` if it is wider. */
export function cutToWidth(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return `${cut.trimEnd()}…`;
}
