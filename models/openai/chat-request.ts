import type { ChatCompletionCreateParamsBase, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import type { ModelMessage, ModelRequest } from '../model-client.ts';
import { offerTools } from './tool-choice.ts';
import { encodeArguments, encodeToolName } from './encode-tool-call.ts';

/** Builds the body of a Chat Completions request, without its streaming options. */
export function chatRequest(request: ModelRequest, official: boolean): Omit<ChatCompletionCreateParamsBase, 'stream'> {
  const { tools, choice } = offerTools(request);
  const { instructions, maxOutputTokens } = request;
  return {
    model: request.model,
    messages: [
      ...(instructions === '' ? [] : [{ role: 'system', content: instructions } as const]),
      ...request.messages.map(chatMessage),
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
  };
}

function chatMessage(message: ModelMessage): ChatCompletionMessageParam {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content };
    case 'tool':
      return { role: 'tool', tool_call_id: message.callId, content: message.content };
    case 'assistant':
      return {
        role: 'assistant',
        content: message.content,
        ...(message.toolCalls.length === 0
          ? {}
          : {
              tool_calls: message.toolCalls.map((call) => ({
                id: call.callId,
                type: 'function' as const,
                function: { name: encodeToolName(call.tool), arguments: encodeArguments(call) },
              })),
            }),
      };
  }
}
