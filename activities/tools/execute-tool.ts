import { ToolError, type Tool, type ToolContext } from '../../agents/define-tool.ts';
import { filesIn, isToolFile, type ToolFile } from '../../agents/tool-file.ts';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { describeThrown } from './describe-thrown.ts';
import { toolJson } from './tool-json.ts';

/** How one attempt of a tool call ended. */
export type AttemptOutcome =
  | { readonly status: 'completed'; readonly result: Json; readonly attachments?: readonly string[] }
  /** The model gets `error`. `retryable`: whether another attempt could succeed. */
  | { readonly status: 'failed'; readonly error: string; readonly retryable: boolean }
  /** The tool may have taken effect. */
  | { readonly status: 'unknown'; readonly error: string }
  | { readonly status: 'timed-out' }
  | { readonly status: 'cancelled' };

export interface ToolAttempt {
  readonly tool: Tool;
  /** Not validated: as the model sent them. */
  readonly args: Json;
  readonly context: Omit<ToolContext, 'signal'>;
  /** Saves a file of the result. Default: a result with files is a failure. */
  readonly saveFile?: (file: ToolFile) => Promise<Attachment>;
  /** Aborted by a cancel or a shutdown. */
  readonly signal: AbortSignal;
  /** Default: the tool's own. */
  readonly timeoutMs?: number;
}

/**
 * Executes one attempt of a tool call. Never rejects. Returns as soon as the signal is aborted or the timeout is over; what
 * the tool returns, throws or reports afterwards is dropped. A tool that blocks the thread cannot be stopped.
 */
export async function executeTool({
  tool,
  args,
  context,
  saveFile = cannotSave,
  signal,
  timeoutMs = tool.timeoutMs,
}: ToolAttempt): Promise<AttemptOutcome> {
  if (signal.aborted) return { status: 'cancelled' };
  const stop = new AbortController();
  const stopped = Promise.withResolvers<AttemptOutcome>();
  const end = (status: 'timed-out' | 'cancelled', reason: unknown): void => {
    // Resolved before the abort, so that an error thrown because of the abort is not taken for the outcome.
    stopped.resolve({ status });
    stop.abort(reason);
  };
  const onCancel = (): void => end('cancelled', signal.reason);
  const timeout = new DOMException(`The tool timed out after ${timeoutMs} ms.`, 'TimeoutError');
  const timer = setTimeout(() => end('timed-out', timeout), timeoutMs);
  signal.addEventListener('abort', onCancel, { once: true });
  let over = false;
  const unlessOver =
    <Given extends readonly unknown[], Result>(change: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      if (over) throw new ToolError('The tool call has ended, so it can no longer change the session or memories.');
      return await change(...given);
    };
  const toolContext: ToolContext = {
    ...context,
    signal: stop.signal,
    progress: (progress) => {
      if (!over) context.progress(progressJson(progress));
    },
    state: { ...context.state, merge: unlessOver(context.state.merge) },
    startWorkflow: unlessOver(async (type, options) => {
      const started = await context.startWorkflow(type, options);
      return { ...started, result: (own = stop.signal) => started.result(own) };
    }),
    metadata: { ...context.metadata, merge: unlessOver(context.metadata.merge) },
    memories: {
      ...context.memories,
      remember: unlessOver(context.memories.remember),
      forget: unlessOver(context.memories.forget),
    },
  };
  try {
    return await Promise.race([stopped.promise, attempt(tool, args, toolContext, saveFile)]);
  } finally {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onCancel);
  }
}

/** Readers in this process get the value by reference, so it must be a copy. */
function progressJson(progress: unknown): Json {
  const json = toolJson(progress, LIMITS.toolProgressBytes.value);
  if ('value' in json) return json.value;
  throw new ToolError(`The progress of the tool is ${json.problem}`);
}

async function attempt(
  tool: Tool,
  args: Json,
  context: ToolContext,
  saveFile: NonNullable<ToolAttempt['saveFile']>,
): Promise<AttemptOutcome> {
  try {
    // A copy: the tool may change its arguments, and the next attempt gets the same ones.
    const parsed = await tool.parameters.safeParseAsync(structuredClone(args));
    if (!parsed.success) {
      const given = { schema: tool.parameters, input: args, mayQuote: true } as const;
      const problems = joinProblems(describeIssues(parsed.error.issues, given));
      return failed(`The arguments are not valid: ${problems}.`, false);
    }
    // Validation may be asynchronous. The tool must have no effect after a cancel.
    if (context.signal.aborted) return { status: 'cancelled' };
    return await outcomeOf(await tool.execute(parsed.data, context), saveFile);
  } catch (error) {
    const { message, retryable, mayHaveTakenEffect } = describeThrown(error);
    const outcome = failed(message, retryable);
    return mayHaveTakenEffect && !tool.idempotent ? { status: 'unknown', error: outcome.error } : outcome;
  }
}

async function outcomeOf(returned: unknown, saveFile: NonNullable<ToolAttempt['saveFile']>): Promise<AttemptOutcome> {
  const saved = new Map<ToolFile, Attachment>();
  for (const file of filesIn(returned)) {
    try {
      saved.set(file, await saveFile(file));
    } catch (error) {
      if (!(error instanceof PerdureError) || error.code !== 'too_large') throw error;
      return failed(
        `The file ${JSON.stringify(file.name)} in the result of the tool is too large: ${error.message}`,
        false,
      );
    }
  }
  const result = toolJson(withReferences(returned, saved), LIMITS.toolResultBytes.value);
  if ('value' in result) {
    const ids = [...new Set([...saved.values()].map(({ id }) => id))];
    return { status: 'completed', result: result.value, ...(ids.length === 0 ? {} : { attachments: ids }) };
  }
  return failed(`The result of the tool is ${result.problem}${result.isTooLarge ? ' Ask for less.' : ''}`, false);
}

async function cannotSave(): Promise<never> {
  throw new ToolError('Files cannot be saved here.');
}

/** What a tool returned, with what the model and readers get in place of each file. */
function withReferences(returned: unknown, saved: ReadonlyMap<ToolFile, Attachment>): unknown {
  if (saved.size === 0) return returned;
  const visit = (value: unknown): unknown => {
    if (isToolFile(value)) {
      const { id, name, contentType, size } = saved.get(value) ?? {};
      return { attachmentId: id, name, contentType, size };
    }
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, visit(item)]));
  };
  return visit(returned);
}

function failed(error: string, retryable: boolean): Extract<AttemptOutcome, { status: 'failed' }> {
  const text = error.slice(0, LIMITS.toolErrorCharacters.value).replaceAll('\0', '\uFFFD').toWellFormed();
  return { status: 'failed', error: text, retryable };
}
