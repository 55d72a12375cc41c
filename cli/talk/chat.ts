import { stdin } from 'node:process';
import { chatByLines } from './chat-by-lines.ts';
import { chatInTerminal } from './chat-in-terminal.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { shellQuote } from '../render/shell-quote.ts';
import { openChat } from './open-chat.ts';

/** `perdure chat`. Resolves with the exit code. */
export async function chat(deps: CommandDeps, session: string, agent: string | undefined): Promise<number> {
  await deps.client.open(session, agent === undefined ? {} : { agent });
  const snapshot = await deps.client.snapshot(session);
  const chatting = openChat(deps, session, snapshot.head);
  try {
    if (!stdin.isTTY) return await chatByLines(chatting);
    const earlier = snapshot.messages === 0 ? '' : ` Earlier messages: perdure transcript ${shellQuote(session)}.`;
    deps.print(deps.paint('dim', `Session ${session}, agent ${snapshot.agent}.${earlier} Type /help for commands.`));
    if (snapshot.currentRun !== null) deps.print(deps.paint('dim', 'Answering an earlier message…'));
    return await chatInTerminal(chatting);
  } finally {
    await chatting.close();
  }
}
