import type { ModelCallOptions, ModelDirectory, ModelReply, ModelRequest } from '../models/model-client.ts';

/** The result of a function model: the reply's text, or the fields that differ from an empty reply. */
export type FunctionReply = string | Partial<ModelReply>;

/** Called for every model call. If it does not call `onDelta`, the text of its reply is streamed as one delta. */
export type FunctionModel = (
  request: ModelRequest,
  options: ModelCallOptions,
) => FunctionReply | Promise<FunctionReply>;

/** Returns a model directory in which every model is `model`. */
export function functionModels(model: FunctionModel): ModelDirectory {
  return {
    defaultModel: 'function/test',
    resolve: (name) => ({
      model: name.slice(name.indexOf('/') + 1),
      client: {
        provider: 'function',
        async generate(request, options) {
          let streamed = false;
          const onDelta: ModelCallOptions['onDelta'] = (delta) => {
            streamed = true;
            options.onDelta(delta);
          };
          const result = await model(request, { ...options, onDelta });
          const reply = toReply(result, request.model);
          if (!streamed && reply.text !== '') options.onDelta({ kind: 'text', text: reply.text });
          return reply;
        },
      },
    }),
  };
}

function toReply(result: FunctionReply, model: string): ModelReply {
  const parts: Partial<ModelReply> = typeof result === 'string' ? { text: result } : result;
  const toolCalls = parts.toolCalls ?? [];
  return {
    text: '',
    reasoning: '',
    finish: toolCalls.length > 0 ? 'tool_calls' : 'stop',
    usage: { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 },
    model,
    ...parts,
    toolCalls,
  };
}

/** Returns the content of the last user message of a request; empty if it has none. */
export function lastUserMessage({ messages }: ModelRequest): string {
  return messages.findLast(({ role }) => role === 'user')?.content ?? '';
}
