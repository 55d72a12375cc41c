import type { Attachment } from '../../contracts/attachments/attachment.ts';
import type { MessagePart } from '../../contracts/attachments/content-parts.ts';
import { formatCount } from './format-count.ts';
import { oneLine } from './one-line.ts';
import { stripControl } from './strip-control.ts';

/** A message of the user, line by line: its texts, and a line for each image, file and value. */
export function messageLines({
  content,
  parts,
}: {
  readonly content: string;
  readonly parts?: readonly MessagePart[] | undefined;
}): string[] {
  return (parts ?? [{ type: 'text' as const, text: content }]).flatMap((part) => {
    switch (part.type) {
      case 'text':
        return stripControl(part.text).split('\n');
      case 'image':
      case 'file':
        return [`[${fileLine(part)}]`];
      case 'data':
        return [`${part.name === undefined ? '' : `${stripControl(part.name)}: `}${oneLine(part.data)}`];
    }
  });
}

/** The name, the type and the size of a file. */
export function fileLine({ name, contentType, size }: Pick<Attachment, 'name' | 'contentType' | 'size'>): string {
  return `${stripControl(name)} (${stripControl(contentType)}, ${formatCount(size, 'byte')})`;
}
