import type {
  ResponseCreateParamsBase,
  ResponseInputContent,
  ResponseInputItem,
} from 'openai/resources/responses/responses';
import type { ModelMessage, ModelPart } from '../../model-client.ts';
import { dataUrlOf } from '../data-url-of.ts';
import { offerTools } from '../tool-choice.ts';
import { encodeArguments, encodeToolName } from '../encode-tool-call.ts';
import { joinMessages } from '../join-messages.ts';
import type { ConversationFields } from './kept-conversation.ts';
import type { FormattedRequest } from '../output/output-format.ts';

/** Builds the body of a Responses request, without its streaming options. */
export function responsesRequest(
  { request, format }: FormattedRequest,
  conversation: ConversationFields,
): Omit<ResponseCreateParamsBase, 'stream'> {
  const { tools, choice } = offerTools(request);
  return {
    model: request.model,
    ...conversation,
    ...(request.instructions === '' ? {} : { instructions: request.instructions }),
    input: joinMessages(request.messages).flatMap(inputItems),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({ type: 'function' as const, ...tool, strict: false })),
          tool_choice: choice,
        }),
    ...(request.temperature === null ? {} : { temperature: request.temperature }),
    ...(request.maxOutputTokens === null ? {} : { max_output_tokens: request.maxOutputTokens }),
    // Models without reasoning reject the field, so it is sent only when the agent sets an effort.
    ...(request.reasoningEffort === null ? {} : { reasoning: { effort: request.reasoningEffort, summary: 'auto' } }),
    ...(format === null ? {} : { text: { format } }),
  };
}

function inputItems(message: ModelMessage): ResponseInputItem[] {
  switch (message.role) {
    case 'system':
    case 'user':
      // System messages have no parts.
      if (message.parts !== undefined) return [{ role: 'user', content: message.parts.map(contentPart) }];
      return [{ role: message.role, content: message.content }];
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.callId, output: message.content }];
    case 'assistant':
      return [
        ...(message.content === '' ? [] : [assistantText(message.content)]),
        ...message.toolCalls.map(
          (call) =>
            ({
              type: 'function_call',
              call_id: call.callId,
              name: encodeToolName(call.tool),
              arguments: encodeArguments(call),
            }) as const,
        ),
      ];
  }
}

function contentPart(part: ModelPart): ResponseInputContent {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text };
    case 'image':
      return { type: 'input_image', image_url: dataUrlOf(part), detail: 'auto' };
    case 'file':
      return { type: 'input_file', filename: part.name, file_data: dataUrlOf(part) };
    case 'attachment':
      throw new Error('The content of an attachment was not read before the call.');
  }
}

/** The long form, which llama.cpp requires. The package's type demands an id and a status, which only stored messages have. */
function assistantText(text: string): ResponseInputItem {
  return {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_text', text }],
  } as unknown as ResponseInputItem;
}
