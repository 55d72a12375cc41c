import type { ModelClient, ModelReply, ModelRequest } from '../../../models/model-client.ts';

/** A request with one user message and overrides. */
export function modelRequest(changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'stub-model',
    instructions: 'Be brief.',
    messages: [{ role: 'user', content: 'Hello' }],
    tools: [],
    toolChoice: 'auto',
    temperature: null,
    maxOutputTokens: null,
    reasoningEffort: null,
    stream: true,
    ...changes,
  };
}

/** A tool of a request, with one string argument. */
export function offeredTool(name: string, argument: string): ModelRequest['tools'][number] {
  return {
    name,
    description: `The ${name}`,
    parameters: {
      type: 'object',
      properties: { [argument]: { type: 'string' } },
      required: [argument],
      additionalProperties: false,
    },
  };
}

/** A reply with its deltas. */
export interface HeardReply {
  readonly reply: ModelReply;
  /** The deltas of each kind, joined. */
  readonly text: string;
  readonly reasoning: string;
  readonly deltas: number;
}

/** Makes a call and collects its deltas. */
export async function hear(
  client: ModelClient,
  request: ModelRequest,
  signal: AbortSignal = new AbortController().signal,
  silenceMs?: number,
): Promise<HeardReply> {
  const heard = { text: '', reasoning: '', deltas: 0 };
  const reply = await client.generate(request, {
    signal,
    ...(silenceMs === undefined ? {} : { silenceMs }),
    onDelta: ({ kind, text }) => {
      heard[kind] += text;
      heard.deltas++;
    },
  });
  return { reply, ...heard };
}
