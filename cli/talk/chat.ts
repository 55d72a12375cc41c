import { stdin } from 'node:process';
import { chatByLines } from './chat-by-lines.ts';
import { chatInTerminal } from './chat-in-terminal.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { openChat } from './open-chat.ts';

/** `perdure chat`: resolves with the exit code. */
export async function chat(deps: CommandDeps, session: string, agent: string | undefined): Promise<number> {
  await deps.client.open(session, agent === undefined ? {} : { agent });
  const snapshot = await deps.client.snapshot(session);
  const chatting = openChat(deps, session, snapshot.head);
  try {
    if (!stdin.isTTY) return await chatByLines(chatting);
    const before = snapshot.messages === 0 ? '' : ` (earlier: perdure transcript ${JSON.stringify(session)})`;
    deps.print(deps.paint('dim', `Session ${session} with ${snapshot.agent}${before}. /help shows what you can type.`));
    if (snapshot.currentRun !== null) deps.print(deps.paint('dim', 'An earlier message is being answered…'));
    return await chatInTerminal(chatting);
  } finally {
    await chatting.close();
  }
}
