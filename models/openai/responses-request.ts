import type { ResponseCreateParamsBase, ResponseInputItem } from 'openai/resources/responses/responses';
import type { ModelMessage, ModelRequest } from '../model-client.ts';
import { offerTools } from './tool-choice.ts';
import { wireArguments, wireName } from './wire-call.ts';

/** A request as the Responses API wants it, without what concerns streaming. Nothing is kept at the provider. */
export function responsesRequest(request: ModelRequest): Omit<ResponseCreateParamsBase, 'stream'> {
  const { tools, choice } = offerTools(request);
  return {
    model: request.model,
    store: false,
    ...(request.instructions === '' ? {} : { instructions: request.instructions }),
    input: request.messages.flatMap(inputItems),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({ type: 'function' as const, ...tool, strict: false })),
          tool_choice: choice,
        }),
    ...(request.temperature === null ? {} : { temperature: request.temperature }),
    ...(request.maxOutputTokens === null ? {} : { max_output_tokens: request.maxOutputTokens }),
    // Models that do not reason refuse the field, so it is sent only when the agent names an effort.
    ...(request.reasoningEffort === null ? {} : { reasoning: { effort: request.reasoningEffort, summary: 'auto' } }),
  };
}

function inputItems(message: ModelMessage): ResponseInputItem[] {
  switch (message.role) {
    case 'system':
    case 'user':
      return [{ role: message.role, content: message.content }];
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.callId, output: message.content }];
    case 'assistant':
      return [
        ...(message.content === '' ? [] : [saidBefore(message.content)]),
        ...message.toolCalls.map(
          (call) =>
            ({
              type: 'function_call',
              call_id: call.callId,
              name: wireName(call.tool),
              arguments: wireArguments(call),
            }) as const,
        ),
      ];
  }
}

/** In full, as llama.cpp insists on. The type asks for an id and a status, which only stored messages have. */
function saidBefore(text: string): ResponseInputItem {
  return {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_text', text }],
  } as unknown as ResponseInputItem;
}
