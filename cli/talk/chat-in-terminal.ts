import { stdin, stdout } from 'node:process';
import { createInterface, type Interface } from 'node:readline';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import { editorOf, editText } from '../shared/edit-text.ts';
import { errorMessage } from '../shared/error-message.ts';
import { printText } from '../render/print-text.ts';
import { runChatCommand } from './chat-commands.ts';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';

/** Reads messages from a terminal. Lines typed during an answer are sent at once; the session's policy decides how they are handled. */
export async function chatInTerminal(chat: Chat, pending: readonly InboxItem[] = []): Promise<number> {
  const { deps } = chat;
  const messagePrompt = deps.paint('green', '› ');
  const input = createInterface({ input: stdin, output: stdout, prompt: messagePrompt });
  const { promise: left, resolve: leave, reject: fail } = Promise.withResolvers<number>();
  const printError = (error: unknown): void => {
    chat.current.endLine();
    printText(deps, deps.paint('red', errorMessage(error, process.env)));
    prompt();
  };
  function prompt(): void {
    const { conversation, questions } = chat.current;
    if (!conversation.busy || questions?.isOpen || questions?.hasAside) input.prompt();
  }

  async function handleLine(line: string): Promise<void> {
    const { questions } = chat.current;
    if (questions?.isOpen && !line.startsWith('/')) return await questions.answer(line);
    if (line.trim() === '') return prompt();
    const outcome = await runChatCommand(chat, line);
    if (outcome === 'quit') return leave(EXIT.ok);
    if (outcome === 'done') return prompt();
    const { endLine } = chat.current;
    const receipt = await chat.send(line);
    const { disposition, position } = receipt;
    if (disposition === 'started') return;
    endLine();
    if (disposition === 'accepted')
      printText(deps, deps.paint('dim', 'No worker is available. The message will be answered when one is.'));
    if (disposition === 'steered') deps.print(deps.paint('dim', 'Added to the answer in progress.'));
    if (disposition === 'queued') deps.print(deps.paint('dim', `Queued, ${position ?? 'some'} ahead.`));
  }

  chat.onSettled = prompt;
  chat.onLost = fail;
  chat.onPrompt = (question) => {
    input.setPrompt(question === null ? messagePrompt : deps.paint('yellow', question.prompt));
    if (question === null) return prompt();
    input.prompt();
    if (question.typed !== undefined) input.write(question.typed);
  };
  const editor = editorOf(process.env);
  if (editor !== undefined) chat.edit = (text) => lendTerminal(input, () => editText(editor, text, 'arguments.json'));
  input.on('line', (line) => {
    chat.current.onTypedLine();
    void handleLine(line).catch(printError);
  });
  input.on('close', () => leave(EXIT.ok));
  input.on('SIGINT', () => {
    const { conversation } = chat.current;
    if (!conversation.busy) return input.close();
    chat.current.endLine();
    deps.print(deps.paint('dim', 'Cancelling…'));
    conversation.cancel().catch(printError);
  });
  prompt();
  chat.current.questions?.start(pending);
  try {
    return await left;
  } finally {
    input.close();
  }
}

/** Leaves the terminal to another program meanwhile. */
async function lendTerminal<T>(input: Interface, work: () => Promise<T>): Promise<T> {
  input.pause();
  stdin.setRawMode?.(false);
  try {
    return await work();
  } finally {
    stdin.setRawMode?.(true);
    input.resume();
  }
}
