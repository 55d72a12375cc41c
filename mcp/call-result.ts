import type { CallToolResult } from '@modelcontextprotocol/client';
import { ToolError } from '../agents/define-tool.ts';
import { file, type ToolFile } from '../agents/tool-file.ts';
import type { Json } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';

type Block = CallToolResult['content'][number];
type Part = Json | ToolFile | { readonly [key: string]: Json | ToolFile };

/**
 * What a run records of a tool's result: text as it is, images, sounds and binary resources as attachments. A long text becomes
 * an attachment, too, of which the model gets the beginning. Throws a ToolError for a result that reports an error.
 */
export function callResult(tool: string, result: CallToolResult): Part | Part[] {
  const { content, structuredContent, isError } = result;
  if (isError === true) throw new ToolError(errorText(tool, content));
  if (content.length === 0 && structuredContent !== undefined) {
    const text = JSON.stringify(structuredContent) ?? 'null';
    return isLong(text) ? stored(text, `${fileName(tool)}.json`) : (structuredContent as Json);
  }
  const parts = content.map((block, at) =>
    partOf(block, content.length > 1 ? `${fileName(tool)}-${at + 1}` : fileName(tool)),
  );
  const [only = null] = parts;
  return parts.length > 1 ? parts : only;
}

function partOf(block: Block, name: string): Part {
  switch (block.type) {
    case 'text':
      return textOf(block.text, name);
    case 'image':
    case 'audio':
      return binary(block.data, name, block.mimeType);
    case 'resource': {
      const { resource } = block;
      const { uri, mimeType = null } = resource;
      const content =
        'text' in resource ? textOf(resource.text, name) : binary(resource.blob, name, mimeType ?? undefined);
      return { uri, mimeType, content } as Part;
    }
    case 'resource_link': {
      const { uri, name: title, description = null, mimeType = null } = block;
      return { uri, name: title, description, mimeType };
    }
    default:
      return { type: String((block as { type?: unknown }).type), note: 'This kind of content is not supported.' };
  }
}

function binary(base64: string, name: string, mimeType: string | undefined): ToolFile {
  const extension = /^[a-z]+\/([a-z0-9]{1,8})$/.exec(mimeType ?? '')?.[1] ?? 'bin';
  const data = Buffer.from(base64, 'base64');
  return file({ data, name: `${name}.${extension}`, ...(mimeType === undefined ? {} : { contentType: mimeType }) });
}

function textOf(text: string, name: string): Part {
  return isLong(text) ? stored(text, `${name}.txt`) : text;
}

function isLong(text: string): boolean {
  return Buffer.byteLength(text) > LIMITS.mcpInlineBytes.value;
}

/** The beginning of a long text, with the attachment that has all of it. */
function stored(text: string, name: string): Part {
  const contentType = name.endsWith('.json') ? 'application/json' : 'text/plain';
  return {
    beginning: text.slice(0, LIMITS.mcpPreviewCharacters.value).toWellFormed(),
    characters: text.length,
    file: file({ data: text, name, contentType }),
  };
}

function errorText(tool: string, content: readonly Block[]): string {
  const text = content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
  return text.trim() === '' ? `The tool ${JSON.stringify(tool)} failed without an error message.` : text;
}

function fileName(tool: string): string {
  return tool.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64);
}
