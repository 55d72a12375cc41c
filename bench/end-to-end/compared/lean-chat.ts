import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';

/** A message in the format of Chat Completions. */
export type ChatMessage = Readonly<Record<string, unknown>>;

/** What one call returned. */
export interface ChatReply {
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

interface ChatChunk {
  readonly choices: readonly {
    readonly delta: {
      readonly content?: string | null;
      readonly tool_calls?: readonly { readonly id: string; readonly function: { name: string; arguments: string } }[];
    };
  }[];
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

/** The least that calls a model and streams its reply: no retries, no time limits, no checks, and calls of tools in one piece. */
export async function leanChat(
  baseUrl: string,
  messages: readonly ChatMessage[],
  onDelta: (text: string) => void,
): Promise<ChatReply> {
  const headers = { 'Content-Type': 'application/json' };
  const sent = request(`${baseUrl}/chat/completions`, { method: 'POST', agent, headers });
  sent.end(JSON.stringify({ model: 'stub', stream: true, messages }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let rest = '';
  let text = '';
  const calls: { id: string; name: string; arguments: string }[] = [];
  for await (const part of response) {
    const lines = (rest + (part as string)).split('\n\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'data: [DONE]') continue;
      const { delta } = (JSON.parse(line.slice('data: '.length)) as ChatChunk).choices[0] ?? {};
      for (const { id, function: called } of delta?.tool_calls ?? []) calls.push({ id, ...called });
      if (!delta?.content) continue;
      text += delta.content;
      onDelta(delta.content);
    }
  }
  return { text, calls };
}
