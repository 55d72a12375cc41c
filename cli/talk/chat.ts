import { stdin } from 'node:process';
import { chatByLines } from './chat-by-lines.ts';
import { chatInTerminal } from './chat-in-terminal.ts';
import type { Cli } from '../shared/cli.ts';
import { openChat } from './open-chat.ts';

/** `perdure chat`: resolves with the exit code. */
export async function chat(cli: Cli, session: string, agent: string | undefined): Promise<number> {
  await cli.client.open(session, agent === undefined ? {} : { agent });
  const snapshot = await cli.client.snapshot(session);
  const chatting = openChat(cli, session, snapshot.head);
  try {
    if (!stdin.isTTY) return await chatByLines(chatting);
    const before = snapshot.messages === 0 ? '' : ` (earlier: perdure transcript ${JSON.stringify(session)})`;
    cli.print(cli.paint('dim', `Session ${session} with ${snapshot.agent}${before}. /help shows what you can type.`));
    if (snapshot.currentRun !== null) cli.print(cli.paint('dim', 'An earlier message is being answered…'));
    return await chatInTerminal(chatting);
  } finally {
    await chatting.close();
  }
}
