import { stdin } from 'node:process';
import type { OpenSession } from '../../contracts/session/commands.ts';
import { metadataOf } from '../shared/metadata-of.ts';
import { chatByLines } from './chat-by-lines.ts';
import { chatInTerminal } from './chat-in-terminal.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { printText } from '../render/print-text.ts';
import { openChat, sessionLine } from './open-chat.ts';

/** Both are for a new session. */
export interface ChatOptions {
  readonly agent?: string;
  /** As {@link metadataOf} takes it. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** `perdure chat`. Resolves with the exit code. */
export async function chat(deps: CommandDeps, session: string, { agent, metadata }: ChatOptions): Promise<number> {
  // The gateway validates it.
  const opened = {
    ...(agent === undefined ? {} : { agent }),
    ...(metadata === undefined ? {} : { metadata: metadataOf(metadata) }),
  } as OpenSession;
  await deps.client.open(session, opened);
  const snapshot = await deps.client.snapshot(session);
  const chatting = openChat(deps, snapshot, { ...opened, asks: stdin.isTTY });
  try {
    if (!stdin.isTTY) return await chatByLines(chatting);
    const earlier = snapshot.messages === 0 ? '' : ` Earlier messages: perdure transcript ${shellQuote(session)}.`;
    printText(deps, deps.paint('dim', `${sessionLine(snapshot)}${earlier} Type /help for commands.`));
    const { approvals = [], clientCalls = [] } = snapshot;
    const pending = [...approvals, ...clientCalls];
    if (snapshot.currentRun !== null && pending.length === 0)
      deps.print(deps.paint('dim', 'Answering an earlier message…'));
    return await chatInTerminal(chatting, pending);
  } finally {
    await chatting.current.close();
  }
}
