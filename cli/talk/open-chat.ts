import type { Attachment } from '../../contracts/attachments/attachment.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { Receipt } from '../../contracts/session/message.ts';
import type { OpenSession } from '../../contracts/session/commands.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import { contentWith } from '../shared/attach-file.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { createEventPrinter } from '../render/event-printer.ts';
import { reportConnection } from '../render/report-connection.ts';
import { reportLine } from '../render/report-line.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { stripControl } from '../render/strip-control.ts';
import { reportWaits } from '../render/wait-reporter.ts';
import { ChatQuestions, type LinePrompt } from './chat-questions.ts';
import { startConversation, type Conversation, type ConversationListener } from './conversation.ts';

/** A chat, for terminal and piped input. */
export interface Chat {
  readonly deps: CommandDeps;
  /** The session that it is in; another one after {@link startSession}. */
  current: ChatSession;
  /** Files that go with the next message. */
  readonly attached: Attachment[];
  /** Sends a message with the attached files. */
  send(text: string): Promise<Receipt>;
  /** Continues in a new session. The former one remains, and an answer in progress there continues. */
  startSession(agent: string): Promise<void>;
  /** Called when every message sent here has been answered. */
  onSettled: () => void;
  /** Called when the events cannot be read any more. */
  onLost: (error: unknown) => void;
  /** In a terminal: called when the next line answers a question, and with null when it is a message again. */
  onPrompt: (prompt: LinePrompt | null) => void;
  /** Lets the user edit a text in their editor; undefined if none is set. */
  edit: ((text: string) => Promise<string>) | undefined;
}

/** A session in which messages are sent and events shown. */
export interface ChatSession {
  readonly id: string;
  readonly agent: string;
  readonly conversation: Conversation;
  /** Ends an open line of text on a terminal, so that something else can be printed. */
  readonly endLine: () => void;
  /** Call it when a typed line has moved the cursor to the next line. */
  readonly onTypedLine: () => void;
  /** What is asked; null where nobody is at a terminal. */
  readonly questions: ChatQuestions | null;
  /** Stops reading events. */
  close(): Promise<void>;
}

/** Opens a chat in a session and shows its events from now on. `metadata` is for the sessions that the chat starts. `asks`: whether somebody is there to answer questions. */
export function openChat(
  deps: CommandDeps,
  snapshot: SessionSnapshot,
  { metadata, asks = false }: Pick<OpenSession, 'metadata'> & { readonly asks?: boolean } = {},
): Chat {
  const callbacks: SessionCallbacks = {
    asks,
    onSettled: () => chat.onSettled(),
    onLost: (error) => chat.onLost(error),
    onPrompt: (prompt) => chat.onPrompt(prompt),
    edit: () => chat.edit,
  };
  const chat: Chat = {
    deps,
    current: joinSession(deps, snapshot, callbacks),
    attached: [],
    send: async (text) => await chat.current.conversation.send(contentWith(chat.attached.splice(0), text)),
    async startSession(agent) {
      const input = { agent, ...(metadata === undefined ? {} : { metadata }) };
      const { session } = await deps.client.open(undefined, input);
      const former = chat.current;
      const isBusy = former.conversation.busy;
      await former.close();
      if (isBusy) {
        const name = stripControl(former.id);
        deps.hint(`The answer in session ${name} continues. Return to it with: perdure chat ${shellQuote(name)}`);
      }
      chat.current = joinSession(deps, session, callbacks);
      deps.print(deps.paint('dim', sessionLine(session)));
    },
    onSettled: () => undefined,
    onLost: () => undefined,
    onPrompt: () => undefined,
    edit: undefined,
  };
  return chat;
}

/** The line that names a session and its agent. */
export function sessionLine({ id, agent }: Pick<SessionSnapshot, 'id' | 'agent'>): string {
  return `Session ${stripControl(id)}, agent ${agent}.`;
}

interface SessionCallbacks
  extends Required<Pick<ConversationListener, 'onSettled' | 'onLost'>>, Pick<Chat, 'onPrompt'> {
  readonly asks: boolean;
  readonly edit: () => Chat['edit'];
}

function joinSession(
  deps: CommandDeps,
  { id, agent, head }: SessionSnapshot,
  { asks, onPrompt, edit, ...callbacks }: SessionCallbacks,
): ChatSession {
  const printer = createEventPrinter({ ...deps, json: false }, { session: id });
  const endLine = (): void => {
    if (deps.terminal) printer.endLine();
  };
  const waits = reportWaits(deps.client, id, {
    isBusy: () => conversation.busy,
    report(line) {
      endLine();
      reportLine(line);
    },
  });
  /** While an editor has the terminal, events are not written to it. */
  const held: StreamEvent[] = [];
  const show = (event: StreamEvent): void => {
    if (questions?.isEditing) held.push(event);
    else if (event.sessionId !== id) printer.show(event);
    else if (questions?.onEvent(event) !== true) printer.show(event);
  };
  const onEdited = (): void => held.splice(0).forEach(show);
  const questions = asks ? new ChatQuestions(deps, id, { endLine, onPrompt, edit, onEdited }) : null;
  const conversation = startConversation(deps.client, id, head, {
    ...callbacks,
    // Nobody answers here: what comes next need not wait for it.
    settlesOnRequest: !asks,
    onEvent(event) {
      waits.onEvent();
      show(event);
    },
    onBelow(event) {
      waits.onEvent();
      show(event);
    },
    onOwnMessage: (event) => printer.note(event),
    onConnection(state) {
      endLine();
      reportConnection(state);
    },
  });
  return {
    id,
    agent,
    conversation,
    endLine,
    onTypedLine: () => printer.onTypedLine(),
    questions,
    async close() {
      waits.stop();
      endLine();
      await conversation.close();
    },
  };
}
