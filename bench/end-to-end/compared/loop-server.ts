import { serveJobs } from '../jobs-process.ts';
import { leanChat, type ChatMessage } from './lean-chat.ts';
import { openLoopStore, type LoopStore } from './loop-store.ts';
import { serveMessages } from './serve-messages.ts';

// Runs as its own process: an agent's loop as one writes it by hand, with the same store and no durability. It commits
// three times in a tool turn, and nothing goes on after a crash.

export interface LoopInput {
  /** Base URL of the provider of models. */
  readonly provider: string;
  readonly store: { readonly databaseUrl: string } | { readonly dataDir: string };
}

/** The jobs of the loop's process. */
export type LoopJobs = typeof jobs;

const jobs = {
  /** Opens the store and listens; returns the base URL. */
  async listen({ provider, store }: LoopInput): Promise<string> {
    const opened = await openLoopStore(store);
    return await serveMessages((session, content, onDelta) => turn(opened, provider, { session, content }, onDelta));
  },
};

serveJobs(jobs);

async function turn(
  store: LoopStore,
  provider: string,
  { session, content }: { readonly session: string; readonly content: string },
  onDelta: (text: string) => void,
): Promise<void> {
  await store.append(session, [{ role: 'user', content }]);
  const messages = await store.read(session);
  for (;;) {
    const { text, calls } = await leanChat(provider, messages, onDelta);
    const added: ChatMessage[] = [replyOf(text, calls), ...calls.map(resultOf)];
    await store.append(session, added);
    if (calls.length === 0) return;
    messages.push(...added);
  }
}

type Calls = Awaited<ReturnType<typeof leanChat>>['calls'];

function replyOf(text: string, calls: Calls): ChatMessage {
  if (calls.length === 0) return { role: 'assistant', content: text };
  const toolCalls = calls.map(({ id, ...called }) => ({ id, type: 'function', function: called }));
  return { role: 'assistant', content: text, tool_calls: toolCalls };
}

/** The result of the only tool, which returns its argument. */
function resultOf({ id, arguments: given }: Calls[number]): ChatMessage {
  return { role: 'tool', tool_call_id: id, content: String((JSON.parse(given) as { x: number }).x) };
}
