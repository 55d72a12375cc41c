import type { ModelCallOptions, ModelDirectory, ModelReply, ModelRequest } from '../../../models/model-client.ts';

/** The reply of a test's model: text, or the fields that differ from an empty reply. */
export type Said = string | Partial<ModelReply>;
export type FunctionModel = (request: ModelRequest, options: ModelCallOptions) => Said | Promise<Said>;

/** A model directory whose only model is a function. Returned text is streamed as one delta, unless the function has streamed itself. */
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
          const said = await model(request, { ...options, onDelta });
          const reply = replyOf(said, request.model);
          if (!streamed && reply.text !== '') options.onDelta({ kind: 'text', text: reply.text });
          return reply;
        },
      },
    }),
  };
}

function replyOf(said: Said, model: string): ModelReply {
  const parts: Partial<ModelReply> = typeof said === 'string' ? { text: said } : said;
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

/** The newest message of the user in a request. */
export function lastUserMessage({ messages }: ModelRequest): string {
  return messages.findLast(({ role }) => role === 'user')?.content ?? '';
}
