import { stdin } from 'node:process';
import { createInterface } from 'node:readline';
import { runChatCommand } from './chat-commands.ts';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { utf8Transform } from '../shared/read-utf8.ts';
import { onInterrupt } from '../shared/interruption.ts';

/** Sends each line of standard input as a message, after the previous one was answered. Resolves with the exit code at the end of input. */
export async function chatByLines(chat: Chat): Promise<number> {
  const input = stdin.pipe(utf8Transform('Standard input'));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  let interrupted = false;
  let isUnanswered = false;
  let failure: Error | undefined;
  input.once('error', (error) => {
    failure = error;
    lines.close();
  });
  const release = onInterrupt(() => {
    interrupted = true;
    lines.close();
    // Cancels the answer in progress. The loop below waits for its end.
    const { conversation } = chat.current;
    if (conversation.busy) conversation.cancel().catch(() => process.exit(EXIT.interrupted));
  });
  try {
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const outcome = await runChatCommand(chat, line);
      if (outcome === 'quit') break;
      const { conversation } = chat.current;
      if (outcome === 'message') await chat.send(line);
      await conversation.settled();
      isUnanswered ||= conversation.unanswered > 0;
      if (interrupted) break;
    }
  } finally {
    release();
    lines.close();
    stdin.unpipe(input);
    stdin.pause();
  }
  if (failure) throw failure;
  if (interrupted) return EXIT.interrupted;
  return isUnanswered ? EXIT.failed : EXIT.ok;
}
