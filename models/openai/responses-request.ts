import type { ResponseCreateParamsBase, ResponseInputItem } from 'openai/resources/responses/responses';
import type { ModelMessage, ModelRequest } from '../model-client.ts';
import { offerTools } from './tool-choice.ts';
import { encodeArguments, encodeToolName } from './encode-tool-call.ts';

/** Builds the body of a Responses request, without its streaming options. */
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
    // Models without reasoning reject the field, so it is sent only when the agent sets an effort.
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

/** The long form, which llama.cpp requires. The package's type demands an id and a status, which only stored messages have. */
function assistantText(text: string): ResponseInputItem {
  return {
    type: 'message',
    role: 'assistant',
    content: [{ type: 'output_text', text }],
  } as unknown as ResponseInputItem;
}
