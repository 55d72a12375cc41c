import { stdin } from 'node:process';
import { createInterface } from 'node:readline';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { onInterrupt } from '../shared/interruption.ts';

/** Sends each line of standard input as a message, after the previous one was answered. Resolves with the exit code at the end of input. */
export async function chatByLines(chat: Chat): Promise<number> {
  const { conversation } = chat;
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let interrupted = false;
  const release = onInterrupt(() => {
    interrupted = true;
    lines.close();
    // Cancels the answer in progress. The loop below waits for its end.
    if (conversation.busy) conversation.cancel().catch(() => process.exit(EXIT.interrupted));
  });
  try {
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const outcome = await chat.command(line);
      if (outcome === 'quit') break;
      if (outcome === 'message') await conversation.send(line);
      await conversation.settled();
      if (interrupted) break;
    }
  } finally {
    release();
    lines.close();
  }
  if (interrupted) return EXIT.interrupted;
  return conversation.unanswered > 0 ? EXIT.failed : EXIT.ok;
}
