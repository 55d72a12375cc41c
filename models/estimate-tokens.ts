import { attachmentKind } from '../contracts/attachments/attachment.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { ModelAttachment, ModelMessage, ModelPart, ModelRequest } from './model-client.ts';

/** UTF-8 bytes of a token: about four in English text, three in code, JSON and Chinese. The estimate is rather high. */
const BYTES_PER_TOKEN = 3;
/** Tokens that chat templates typically add to each message and tool. */
const PER_ITEM = 4;

/** Estimates the tokens of a text, for any model: a third of its UTF-8 bytes, rounded up. */
export function estimateTextTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** Estimates the input tokens of a request: those of its texts and its schema, four for each message and tool, and what the provider keeps. */
export function estimateInputTokens({
  instructions,
  messages,
  tools,
  outputSchema,
  conversation,
}: ModelRequest): number {
  const parts = [...tools, ...(outputSchema ? [outputSchema] : [])];
  return (
    (conversation?.keptTokens ?? 0) +
    estimateTextTokens(instructions) +
    messages.reduce((sum, message) => sum + estimateMessageTokens(message), 0) +
    parts.reduce((sum, part) => sum + estimatePartTokens(part), 0)
  );
}

/** Estimates the tokens of a message in a request. */
export function estimateMessageTokens(message: ModelMessage): number {
  const parts = 'parts' in message ? message.parts : undefined;
  const ofPart = (part: ModelPart): number =>
    part.type === 'text' ? estimateTextTokens(part.text) : estimateAttachmentTokens(part);
  if (parts !== undefined) return parts.reduce((sum, part) => sum + ofPart(part), PER_ITEM);
  return estimateTextTokens(textOf(message)) + PER_ITEM;
}

/** Tokens of an image. OpenAI's models take about 1,100 for a large one in high detail, most others fewer. */
const PER_IMAGE = 1_500;
/** Bytes of a file, such as a PDF, of one token: the text of its pages, and an image of each. */
const FILE_BYTES_PER_TOKEN = 30;

/** Estimates the tokens of an image or a file, as a model is given it. */
export function estimateAttachmentTokens({ contentType, size }: Pick<ModelAttachment, 'contentType' | 'size'>): number {
  switch (attachmentKind(contentType)) {
    case 'image':
      return PER_IMAGE;
    case 'text':
      return Math.ceil(Math.min(size, LIMITS.textFileBytes.value) / BYTES_PER_TOKEN);
    case 'file':
      return Math.ceil(size / FILE_BYTES_PER_TOKEN);
  }
}

/** Estimates the tokens of a tool, or of the schema of the answer, in a request. */
export function estimatePartTokens(part: object): number {
  return estimateTextTokens(JSON.stringify(part)) + PER_ITEM;
}

function textOf(message: ModelMessage): string {
  if (message.role !== 'assistant' || message.toolCalls.length === 0) return message.content;
  return message.content + JSON.stringify(message.toolCalls.map(({ tool, arguments: args }) => [tool, args]));
}
