import stringWidth from 'string-width';

/** Pads a text with spaces to a width in terminal columns. */
export function padToWidth(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

/** A text that takes exactly `width` terminal columns: padded with spaces, or cut and ended with `…`. */
export function fitWidth(text: string, width: number): string {
  if (stringWidth(text) <= width) return padToWidth(text, width);
  let cut = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(cut + segment) > width - 1) break;
    cut += segment;
  }
  return padToWidth(`${cut}…`, width);
}
