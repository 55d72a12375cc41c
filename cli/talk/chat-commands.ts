import { homedir } from 'node:os';
import { join } from 'node:path';
import { attachFile } from '../shared/attach-file.ts';
import { fileLine } from '../render/message-lines.ts';
import { formatCost } from '../render/format-cost.ts';
import { formatTokens } from '../render/format-tokens.ts';
import { printTable } from '../render/print-table.ts';
import { printText } from '../render/print-text.ts';
import { stripControl } from '../render/strip-control.ts';
import { sessionRows } from '../look/sessions.ts';
import type { Chat } from './open-chat.ts';

interface ChatCommand {
  /** As typed, with its argument. */
  readonly usage: string;
  readonly description: string;
  run(chat: Chat, argument: string): Promise<void>;
}

/** The commands of a chat, in the order of the help. `/quit` is the loop's. */
const COMMANDS: Readonly<Record<string, ChatCommand>> = {
  '/cancel': {
    usage: '/cancel',
    description: 'cancel the answer in progress (also: Ctrl-C)',
    async run({ deps, current }) {
      if (!(await current.conversation.cancel())) deps.print('No answer in progress.');
    },
  },
  '/attach': {
    usage: '/attach FILE',
    description: 'attach a file to the next message; without a name, list them',
    run: (chat, path) => (path === '' ? listAttached(chat) : attach(chat, path)),
  },
  '/later': {
    usage: '/later',
    description: 'set an open question aside, so that the next line is a message',
    async run({ deps, current }) {
      if (current.questions?.setAside() !== true) deps.print('No question is open.');
    },
  },
  '/decline': {
    usage: '/decline',
    description: 'refuse to answer an open question',
    async run({ deps, current }) {
      if ((await current.questions?.decline()) !== true)
        deps.print('No question is open. An approval is rejected with r.');
    },
  },
  '/inbox': {
    usage: '/inbox',
    description: 'ask again what was set aside',
    async run({ deps, current }) {
      if (current.questions?.bringBack() !== true) deps.print('Nothing waits for an answer.');
    },
  },
  '/new': {
    usage: '/new',
    description: 'start a new session with the same agent',
    run: (chat) => chat.startSession(chat.current.agent),
  },
  '/agent': {
    usage: '/agent NAME',
    description: 'new session with this agent; without a name, list agents',
    run: (chat, name) => (name === '' ? listAgents(chat) : chat.startSession(name)),
  },
  '/sessions': {
    usage: '/sessions',
    description: 'list your sessions',
    async run({ deps }) {
      const page = await deps.client.sessions();
      printTable(deps, sessionRows(page.data, deps));
    },
  },
  '/why': {
    usage: '/why',
    description: 'explain what the session waits for',
    async run({ deps, current }) {
      printText(deps, stripControl((await deps.client.whySession(current.id)).text));
    },
  },
  '/usage': {
    usage: '/usage',
    description: 'show the tokens and the cost of the session so far',
    async run({ deps, current }) {
      const snapshot = await deps.client.snapshot(current.id);
      printText(deps, `Tokens: ${formatTokens(snapshot)}. Cost: ${formatCost(snapshot)}.`);
    },
  },
  '/help': {
    usage: '/help',
    description: 'show this help',
    async run({ deps }) {
      for (const line of helpLines()) printText(deps, line);
    },
  },
};

const QUIT = {
  usage: '/quit',
  description: 'leave the chat (also: Ctrl-D, or Ctrl-C at the prompt)',
};

/** Runs a slash command. `message`: the line is not a command. */
export async function runChatCommand(chat: Chat, line: string): Promise<'done' | 'quit' | 'message'> {
  if (!line.startsWith('/')) return 'message';
  const [, name = '', argument = ''] = /^(\S+)\s*(.*)$/s.exec(line.trim()) ?? [];
  if (name === '/quit' || name === '/exit') return 'quit';
  chat.current.endLine();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) chat.deps.print(`Unknown command ${stripControl(name)}. Type /help for a list.`);
  else await command.run(chat, argument);
  return 'done';
}

function helpLines(): string[] {
  const commands = [...Object.values(COMMANDS), QUIT];
  const width = Math.max(...commands.map(({ usage }) => usage.length));
  const lines = commands.map(({ usage, description }) => `${usage.padEnd(width)}  ${description}`);
  return [...lines, 'Any other line is sent as a message.'];
}

async function attach({ deps, attached }: Chat, argument: string): Promise<void> {
  const file = await attachFile(deps.client, pathOf(argument));
  attached.push(file);
  printText(deps, `Attached ${fileLine(file)} to the next message.`);
}

async function listAttached({ deps, attached }: Chat): Promise<void> {
  if (attached.length === 0)
    return deps.print('No file attached. Type /attach FILE to attach one to the next message.');
  for (const file of attached) printText(deps, fileLine(file));
}

/** A path as terminals insert it when a file is dropped on them: in quotes, or with escaped spaces. */
function pathOf(argument: string): string {
  const quoted = /^(['"])(.*)\1$/s.exec(argument)?.[2];
  const path = quoted ?? argument.replaceAll('\\ ', ' ');
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : path;
}

async function listAgents({ deps, current: { agent } }: Chat): Promise<void> {
  const { data } = await deps.client.agents();
  const names = data.map(({ name }) => (name === agent ? `${name} (this session's)` : name));
  printText(deps, `Agents: ${names.join(', ')}. Type /agent NAME to start a session with another.`);
}
