import type { RuleScope } from '../../contracts/approvals/approval-decision.ts';
import type { ClientAnswer, InboxItem } from '../../contracts/session/inbox-item.ts';
import type { Json } from '../../contracts/json.ts';
import { outcomeOf } from '../render/inbox-lines.ts';
import { oneLine } from '../render/one-line.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { editorOf, editText } from '../shared/edit-text.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { findItem } from './find-item.ts';
import { ASK_USER, parseQuestionReply, userQuestionOf } from '../shared/questions/user-question.ts';

export interface ApproveOptions {
  /** JSON that replaces the arguments. */
  readonly arguments?: string;
  /** Whether the arguments are changed in the user's editor. */
  readonly edit?: boolean;
  readonly remember?: RuleScope;
  readonly reason?: string;
}

/** `perdure approve ITEM`. */
export async function approve(deps: CommandDeps, text: string, options: ApproveOptions): Promise<void> {
  const { remember, reason } = options;
  if (options.edit === true && options.arguments !== undefined)
    throw new CliError('Pass either --arguments or --edit.', EXIT.usage);
  const item = await findItem(deps, text, 'approval');
  const edited = await editedArguments(item, options);
  const answered = await deps.client.answerApproval(
    item.sessionId,
    item.id,
    {
      decision: 'approve',
      hash: item.hash,
      ...(reason === undefined ? {} : { reason }),
      ...(remember === undefined ? {} : { remember }),
      ...(edited === undefined ? {} : { arguments: edited }),
    },
    ownerOf(deps, item),
  );
  show(deps, answered);
  if (!deps.json && remember !== undefined)
    deps.hint('Later calls are not asked for. `perdure rules` lists what is remembered.');
}

/** `perdure reject ITEM`. */
export async function reject(deps: CommandDeps, text: string, { reason }: { readonly reason?: string }): Promise<void> {
  const item = await findItem(deps, text, 'approval');
  const answer = { decision: 'reject', hash: item.hash, ...(reason === undefined ? {} : { reason }) } as const;
  show(deps, await deps.client.answerApproval(item.sessionId, item.id, answer, ownerOf(deps, item)));
}

export interface CallAnswerOptions {
  /** JSON. */
  readonly result?: string | undefined;
  readonly error?: string | undefined;
  /** The user refuses to answer. */
  readonly decline?: boolean | undefined;
  /** The question is closed without an answer. */
  readonly cancel?: boolean | undefined;
}

/** `perdure answer ITEM`: hands in the result of a client call, its error, or that the user does not answer. */
export async function answerCall(
  deps: CommandDeps,
  name: string,
  text: string | undefined,
  { result, error, decline, cancel }: CallAnswerOptions,
): Promise<void> {
  if ([text, result, error, decline, cancel].filter((given) => given !== undefined).length !== 1)
    throw new CliError('Pass one of these: a text, --result, --error, --decline or --cancel.', EXIT.usage);
  const item = await findItem(deps, name, 'client');
  const request = { ...answerOf(item, text, { result, error, decline, cancel }), hash: item.hash };
  show(deps, await deps.client.answerClientCall(item.sessionId, item.id, request, ownerOf(deps, item)));
}

function answerOf(
  item: InboxItem,
  text: string | undefined,
  { result, error, decline, cancel }: CallAnswerOptions,
): ClientAnswer {
  if (decline === true || cancel === true) return { action: decline === true ? 'decline' : 'cancel' };
  return error === undefined ? { result: resultOf(item, text, result) } : { error };
}

/** A text answers a question as in a chat; for another tool it is a string. */
function resultOf({ tool, arguments: args }: InboxItem, text: string | undefined, result: string | undefined): Json {
  if (result !== undefined) return parseJson(result, '--result');
  if (text === undefined || tool !== ASK_USER) return text ?? null;
  const question = userQuestionOf(args);
  if (question.isJson && !question.fields) return parseJson(text, 'The answer');
  try {
    return parseQuestionReply(question, text);
  } catch (thrown) {
    throw new CliError(`This is no answer to the question: ${(thrown as Error).message}.`, EXIT.usage);
  }
}

async function editedArguments(item: InboxItem, options: ApproveOptions): Promise<Json | undefined> {
  if (options.arguments !== undefined) return parseJson(options.arguments, '--arguments');
  if (options.edit !== true) return undefined;
  const editor = editorOf(process.env);
  if (editor === undefined)
    throw new CliError('No editor is set. Set VISUAL or EDITOR, or pass the arguments with --arguments.', EXIT.usage);
  const before = `${JSON.stringify(item.arguments, null, 2)}\n`;
  const after = await editText(editor, before, 'arguments.json');
  if (after.trim() === '') throw new CliError('The arguments are empty. Nothing was sent.', EXIT.failed);
  return after === before ? undefined : parseJson(after, 'The edited text');
}

function parseJson(text: string, what: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new CliError(
      `${what} is not JSON: ${(error as Error).message}. A text is JSON in double quotes.`,
      EXIT.usage,
    );
  }
}

/** The owner of an item's session, if that is another user. */
function ownerOf({ of }: CommandDeps, { user }: InboxItem): string {
  return of ?? user;
}

function show(deps: CommandDeps, item: InboxItem): void {
  if (deps.json) return deps.printJson(item);
  const outcome = outcomeOf(item);
  deps.print(
    `${outcome.charAt(0).toUpperCase()}${outcome.slice(1)}: ${stripControl(item.tool)} ${oneLine(item.editedArguments ?? item.arguments)}, session ${stripControl(item.sessionId)}.`,
  );
}
