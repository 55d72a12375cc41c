import type { CommandDeps } from '../shared/command-deps.ts';
import { startConversation, type Conversation } from './conversation.ts';
import { createEventPrinter } from '../render/event-printer.ts';
import { reportConnection } from '../render/report-connection.ts';
import { reportWaits } from '../render/wait-reporter.ts';
import { sessionLines } from '../look/sessions.ts';

const CHAT_HELP = [
  '/cancel    cancel the answer in progress (also: Ctrl-C)',
  '/sessions  list your sessions',
  '/help      show this help',
  '/quit      leave the chat (also: Ctrl-D, or Ctrl-C at the prompt)',
  'Any other line is sent as a message.',
];

/** A chat in a session, for terminal and piped input. */
export interface Chat {
  readonly deps: CommandDeps;
  readonly session: string;
  readonly conversation: Conversation;
  /** Runs a slash command. `message`: the line is not a command. */
  command(line: string): Promise<'done' | 'quit' | 'message'>;
  /** Stops reading events. */
  close(): Promise<void>;
  /** Called when every message sent here has been answered. */
  onSettled: () => void;
  /** Called when the events cannot be read any more. */
  onLost: (error: unknown) => void;
}

/** Opens a chat in a session and shows its events after `after`. */
export function openChat(deps: CommandDeps, session: string, after: number): Chat {
  const printer = createEventPrinter({ ...deps, json: false });
  const endLine = (): void => {
    if (deps.terminal) printer.endLine();
  };
  const waits = reportWaits(deps.client, session, {
    isBusy: () => chatting.conversation.busy,
    report(line) {
      endLine();
      process.stderr.write(`${line}\n`);
    },
  });
  const chatting: Chat = {
    deps,
    session,
    conversation: startConversation(deps.client, session, after, {
      onEvent(event) {
        waits.onEvent();
        printer.show(event);
      },
      onConnection(state) {
        endLine();
        reportConnection(state);
      },
      onSettled: () => chatting.onSettled(),
      onLost: (error) => chatting.onLost(error),
    }),
    command: (line) => runCommand(chatting, line),
    async close() {
      waits.stop();
      await chatting.conversation.close();
    },
    onSettled: () => undefined,
    onLost: () => undefined,
  };
  return chatting;
}

async function runCommand({ deps, conversation }: Chat, line: string): Promise<'done' | 'quit' | 'message'> {
  switch (line.trim()) {
    case '/quit':
    case '/exit':
      return 'quit';
    case '/help':
      for (const help of CHAT_HELP) deps.print(help);
      return 'done';
    case '/cancel':
      if (!(await conversation.cancel())) deps.print('No answer in progress.');
      return 'done';
    case '/sessions': {
      const page = await deps.client.sessions();
      for (const row of sessionLines(page.data)) deps.print(row);
      return 'done';
    }
    default:
      if (!line.startsWith('/')) return 'message';
      deps.print(`Unknown command ${line.split(' ', 1)[0]}. Type /help for a list.`);
      return 'done';
  }
}
