import { PerdureError } from '../../contracts/errors.ts';
import type { StreamEvent } from '../../contracts/events/event.ts';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import type { Json } from '../../contracts/json.ts';
import { waitSentence } from '../render/inbox-lines.ts';
import { printText } from '../render/print-text.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { parseQuestionReply, userQuestionOf } from '../shared/questions/user-question.ts';
import { parseApprovalReply } from './parse-reply.ts';
import { isForPeople, isRequest, questionLines, questionOf, type Question } from './question.ts';

/** What the next typed line is for. */
export interface LinePrompt {
  readonly prompt: string;
  /** Text that is typed already, for the user to change. */
  readonly typed?: string;
}

export interface QuestionsOptions {
  /** Ends an open line of text. */
  readonly endLine: () => void;
  /** Called when the next typed line is for something else: an answer, or null for a message. */
  readonly onPrompt: (prompt: LinePrompt | null) => void;
  /** Lets the user edit a text in their editor; undefined if none is set. */
  readonly edit: () => ((text: string) => Promise<string>) | undefined;
  /** Called when the editor has given the terminal back. */
  readonly onEdited: () => void;
}

/** Errors after which an item no longer waits. */
const SETTLED: ReadonlySet<string> = new Set(['already_decided', 'not_found', 'forbidden']);

/** What a session waits for, asked in a chat, one at a time: approvals, and questions of the tool `ask_user`. */
export class ChatQuestions {
  readonly #deps: CommandDeps;
  readonly #session: string;
  readonly #options: QuestionsOptions;
  /** The first one is asked. */
  #waiting: Question[] = [];
  #aside: Question[] = [];
  #mode: 'answer' | 'reason' | 'arguments' = 'answer';
  #isEditing = false;

  constructor(deps: CommandDeps, session: string, options: QuestionsOptions) {
    this.#deps = deps;
    this.#session = session;
    this.#options = options;
  }

  /** Whether a typed line is an answer. */
  get isOpen(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether an editor has the terminal. */
  get isEditing(): boolean {
    return this.#isEditing;
  }

  /** Whether something waits that was set aside. */
  get hasAside(): boolean {
    return this.#aside.length > 0;
  }

  /** Asks what waits already. */
  start(items: readonly InboxItem[]): void {
    for (const item of items) this.#add(item);
  }

  /** Takes an event: asks what is requested, and withdraws what was settled elsewhere. True for a request, which is then shown. */
  onEvent(event: StreamEvent): boolean {
    if (isRequest(event)) {
      this.#add(questionOf(event));
      return true;
    }
    if ('itemId' in event && !event.type.endsWith('.reminded')) this.#remove(event.itemId);
    return false;
  }

  /** Shows the open question again. */
  repeat(): void {
    if (this.#mode === 'answer') this.#ask();
    else this.#prompt();
  }

  /** Sets the open question aside: the next line is a message. */
  setAside(): boolean {
    const question = this.#waiting.shift();
    if (!question) return false;
    this.#aside.push(question);
    this.#next();
    return true;
  }

  /** Refuses to answer the open question. Resolves with false if there is none, or if it is an approval, which is rejected instead. */
  async decline(): Promise<boolean> {
    const [question] = this.#waiting;
    if (question?.kind !== 'client') return false;
    await this.answer(null);
    return true;
  }

  /** Asks again what was set aside. False if nothing waits. */
  bringBack(): boolean {
    const wasOpen = this.isOpen;
    this.#waiting.push(...this.#aside.splice(0));
    if (this.isOpen) this.repeat();
    return wasOpen || this.isOpen;
  }

  /** Takes a typed line as the answer; null refuses to answer. */
  async answer(line: string | null): Promise<void> {
    const [question] = this.#waiting;
    if (!question) return;
    try {
      if (line === null) await this.#send(question, { action: 'decline' });
      else if (question.kind === 'approval') await this.#answerApproval(question, line);
      else await this.#send(question, { result: this.#result(question, line) });
    } catch (error) {
      if (error instanceof SyntaxError) this.#problem(isForm(question) ? notForm(error) : notJson(error));
      else if (error instanceof PerdureError && SETTLED.has(error.code)) {
        this.#problem(error.message);
        this.#remove(question.id);
      } else throw error;
    }
  }

  #result({ arguments: args }: Question, line: string): Json {
    return parseQuestionReply(userQuestionOf(args), line);
  }

  async #answerApproval(question: Question, line: string): Promise<void> {
    if (this.#mode === 'reason') return await this.#reject(question, line.trim());
    if (this.#mode === 'arguments') return await this.#approveEdited(question, line);
    const reply = parseApprovalReply(line);
    switch (reply.kind) {
      case 'approve':
        return await this.#send(question, {
          decision: 'approve',
          ...(reply.remember ? { remember: reply.remember } : {}),
        });
      case 'reject':
        if (reply.reason !== null) return await this.#reject(question, reply.reason);
        this.#mode = 'reason';
        return this.#prompt();
      case 'edit':
        return await this.#edit(question, reply.text ?? JSON.stringify(question.arguments));
      case 'unclear':
        return this.#problem('Type a, r, e, s or u; or /later to answer later, and to send a message.');
    }
  }

  async #edit(question: Question, text: string): Promise<void> {
    const edit = this.#options.edit();
    if (!edit) {
      this.#mode = 'arguments';
      return this.#prompt(text);
    }
    await this.#approveEdited(question, await this.#inEditor(question, edit));
  }

  async #inEditor({ arguments: args }: Question, edit: (text: string) => Promise<string>): Promise<string> {
    this.#isEditing = true;
    try {
      return await edit(`${JSON.stringify(args, null, 2)}\n`);
    } finally {
      this.#isEditing = false;
      this.#options.onEdited();
    }
  }

  /** Approves with edited arguments. If they are refused, they can be edited further. */
  async #approveEdited(question: Question, text: string): Promise<void> {
    this.#mode = 'answer';
    if (text.trim() === '') return this.#problem('Nothing was sent: the arguments are empty.');
    const problem = await this.#tryEdited(question, text);
    if (problem === null) return;
    printText(this.#deps, this.#deps.paint('red', problem));
    if (this.#options.edit()) return this.#prompt();
    this.#mode = 'arguments';
    this.#prompt(text.trim());
  }

  async #tryEdited(question: Question, text: string): Promise<string | null> {
    try {
      return await this.#deliver(question, { decision: 'approve', arguments: JSON.parse(text) as Json });
    } catch (error) {
      if (error instanceof SyntaxError) return notJson(error);
      throw error;
    }
  }

  async #reject(question: Question, reason: string): Promise<void> {
    this.#mode = 'answer';
    await this.#send(question, { decision: 'reject', ...(reason === '' ? {} : { reason }) });
  }

  async #send(question: Question, answer: object): Promise<void> {
    const problem = await this.#deliver(question, answer);
    if (problem !== null) this.#problem(problem);
  }

  /** Resolves with null, or with what is wrong with the answer. */
  async #deliver({ id, hash, kind }: Question, answer: object): Promise<string | null> {
    const { client } = this.#deps;
    try {
      if (kind === 'approval') await client.answerApproval(this.#session, id, { ...answer, hash } as never);
      else await client.answerClientCall(this.#session, id, { ...answer, hash } as never);
      this.#remove(id);
      return null;
    } catch (error) {
      if (error instanceof PerdureError && error.code === 'invalid_request') return error.message;
      throw error;
    }
  }

  #problem(message: string): void {
    printText(this.#deps, this.#deps.paint('red', message));
    this.#prompt();
  }

  #add(question: Question): void {
    if ([...this.#waiting, ...this.#aside].some(({ id }) => id === question.id)) return;
    if (!isForPeople(question)) {
      this.#options.endLine();
      printText(this.#deps, this.#deps.paint('yellow', waitSentence(question)));
      return;
    }
    this.#waiting.push(question);
    if (this.#waiting.length === 1) this.#ask();
  }

  #remove(itemId: string): void {
    const wasFirst = this.#waiting[0]?.id === itemId;
    this.#waiting = this.#waiting.filter((one) => one.id !== itemId);
    this.#aside = this.#aside.filter((one) => one.id !== itemId);
    if (wasFirst) this.#next();
  }

  #next(): void {
    this.#mode = 'answer';
    if (this.isOpen) this.#ask();
    else this.#options.onPrompt(null);
  }

  #ask(): void {
    const [question] = this.#waiting;
    if (!question) return;
    this.#options.endLine();
    for (const line of questionLines(question, this.#deps)) printText(this.#deps, line);
    this.#prompt();
  }

  #prompt(typed?: string): void {
    this.#options.onPrompt({ prompt: PROMPTS[this.#mode], ...(typed === undefined ? {} : { typed }) });
  }
}

const PROMPTS = { answer: '? ', reason: 'Reason, for the agent: ', arguments: 'Arguments: ' } as const;

function isForm({ arguments: args }: Question): boolean {
  return Boolean(userQuestionOf(args).fields);
}

function notForm({ message }: SyntaxError): string {
  return `This is no answer to the question: ${message}.`;
}

function notJson({ message }: SyntaxError): string {
  return `This is not JSON: ${message}.`;
}
