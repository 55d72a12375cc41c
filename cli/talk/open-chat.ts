import type { CommandDeps } from '../shared/command-deps.ts';
import { startConversation, type Conversation } from './conversation.ts';
import { createEventPrinter } from '../render/event-printer.ts';
import { reportConnection } from '../render/report-connection.ts';
import { reportWaits } from '../render/wait-reporter.ts';
import { sessionLines } from '../look/sessions.ts';

const CHAT_HELP = [
  '/cancel    stops the answer (so does Ctrl-C)',
  '/sessions  lists your sessions',
  '/help      shows this',
  '/quit      leaves (so does Ctrl-C at the prompt, or Ctrl-D)',
  'Anything else is a message.',
];

/** One chat: what the two ways of typing have in common. */
export interface Chat {
  readonly deps: CommandDeps;
  readonly session: string;
  readonly conversation: Conversation;
  /** Carries out a slash command; `quit` when it asks to leave, `message` when it is none. */
  command(line: string): Promise<'done' | 'quit' | 'message'>;
  /** Stops reading. */
  close(): Promise<void>;
  /** Told whenever nothing said here waits any more. */
  onSettled: () => void;
  /** Told when the events can no longer be read. */
  onLost: (error: unknown) => void;
}

/** Begins a chat in a session, whose events after `after` are shown as they come. */
export function openChat(deps: CommandDeps, session: string, after: number): Chat {
  const printer = createEventPrinter({ ...deps, json: false });
  const endLine = (): void => {
    if (deps.terminal) printer.endLine();
  };
  const waits = reportWaits(deps.client, session, {
    busy: () => chatting.conversation.busy,
    tell(line) {
      endLine();
      process.stderr.write(`${line}\n`);
    },
  });
  const chatting: Chat = {
    deps,
    session,
    conversation: startConversation(deps.client, session, after, {
      onEvent(event) {
        waits.heard();
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
      if (!(await conversation.cancel())) deps.print('Nothing is being answered.');
      return 'done';
    case '/sessions': {
      const page = await deps.client.sessions();
      for (const row of sessionLines(page.data)) deps.print(row);
      return 'done';
    }
    default:
      if (!line.startsWith('/')) return 'message';
      deps.print(`There is no command ${line.split(' ', 1)[0]}. /help shows those there are.`);
      return 'done';
  }
}
