import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParamsBase,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { ModelMessage, ModelPart } from '../model-client.ts';
import { dataUrlOf } from './data-url-of.ts';
import { offerTools } from './tool-choice.ts';
import { encodeArguments, encodeToolName } from './encode-tool-call.ts';
import { joinMessages } from './join-messages.ts';
import type { FormattedRequest, OutputFormat } from './output/output-format.ts';
import { callFields, messageFields, wireId } from './provider-fields.ts';

export interface ChatFeatures {
  /** Whether this is OpenAI's own service. */
  readonly official: boolean;
  /** Whether the fields that the provider has attached to its replies are returned to it. */
  readonly providerFields: boolean;
}

/** Builds the body of a Chat Completions request, without its streaming options. */
export function chatRequest(
  { request, format }: FormattedRequest,
  { official, providerFields }: ChatFeatures,
): Omit<ChatCompletionCreateParamsBase, 'stream'> {
  const { tools, choice } = offerTools(request);
  const { instructions, maxOutputTokens } = request;
  return {
    model: request.model,
    messages: [
      ...(instructions === '' ? [] : [{ role: 'system', content: instructions } as const]),
      ...chatMessages(joinMessages(request.messages), providerFields),
    ],
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({ type: 'function' as const, function: { ...tool } })),
          tool_choice: choice,
        }),
    ...(request.temperature === null ? {} : { temperature: request.temperature }),
    // OpenAI's newer models reject `max_tokens`; many other servers support only that.
    ...(maxOutputTokens === null
      ? {}
      : official
        ? { max_completion_tokens: maxOutputTokens }
        : { max_tokens: maxOutputTokens }),
    ...(request.reasoningEffort === null ? {} : { reasoning_effort: request.reasoningEffort }),
    ...(format === null ? {} : { response_format: chatFormat(format) }),
  };
}

function chatFormat({ type, ...schema }: OutputFormat): NonNullable<ChatCompletionCreateParamsBase['response_format']> {
  return { type, json_schema: schema };
}

function chatMessages(messages: readonly ModelMessage[], providerFields: boolean): ChatCompletionMessageParam[] {
  /** The provider's ids of the calls whose own ids differ. */
  const wireIds = new Map<string, string>();
  return messages.map((message) => {
    if (message.role === 'assistant') return assistantMessage(message, providerFields, wireIds);
    const { content } = message;
    if (message.role === 'tool') {
      return { role: 'tool', tool_call_id: wireIds.get(message.callId) ?? message.callId, content };
    }
    // System messages have no parts.
    if (message.parts !== undefined) return { role: 'user', content: message.parts.map(contentPart) };
    return { role: message.role, content };
  });
}

function contentPart(part: ModelPart): ChatCompletionContentPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: dataUrlOf(part) } };
    case 'file':
      return { type: 'file', file: { filename: part.name, file_data: dataUrlOf(part) } };
    case 'attachment':
      throw new Error('The content of an attachment was not read before the call.');
  }
}

type AssistantMessage = Extract<ModelMessage, { role: 'assistant' }>;

function assistantMessage(
  { content, toolCalls, providerFields }: AssistantMessage,
  returnsFields: boolean,
  wireIds: Map<string, string>,
): ChatCompletionMessageParam {
  if (toolCalls.length === 0) return { role: 'assistant', content };
  const fields = returnsFields ? providerFields : undefined;
  const calls = toolCalls.map((call, index) => {
    const id = providerFields ? wireId(providerFields, index) : null;
    // Ids restart in each reply of some models: the newest call with an id is the one that the results after it are of.
    if (id === null) wireIds.delete(call.callId);
    else wireIds.set(call.callId, id);
    return {
      ...(fields ? callFields(fields, index) : {}),
      id: id ?? call.callId,
      type: 'function' as const,
      function: { name: encodeToolName(call.tool), arguments: encodeArguments(call) },
    };
  });
  // Bedrock and Anthropic refuse an empty text beside tool calls.
  const text = content === '' ? null : content;
  return { ...(fields ? messageFields(fields) : {}), role: 'assistant', content: text, tool_calls: calls };
}
