import type { ModelCallOptions, ModelDirectory, ModelReply, ModelRequest } from '../models/model-client.ts';

/** A reply as a test writes it: its text, or the parts that differ from an empty reply. */
export type Said = string | Partial<ModelReply>;

/** Replaces a language model in tests: called for every model call. Text it returns is streamed as one delta, unless it streamed itself. */
export type FunctionModel = (request: ModelRequest, options: ModelCallOptions) => Said | Promise<Said>;

/** Models whose every call goes to one function. */
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
