import { ToolError, type Tool, type ToolContext } from '../../agents/define-tool.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** How one attempt of a tool call ended. */
export type AttemptOutcome =
  | { readonly status: 'completed'; readonly result: Json }
  /** The model gets `error`. `retryable`: whether another attempt could succeed. */
  | { readonly status: 'failed'; readonly error: string; readonly retryable: boolean }
  | { readonly status: 'timed-out' }
  | { readonly status: 'cancelled' };

export interface ToolAttempt {
  readonly tool: Tool;
  /** Not validated: as the model sent them. */
  readonly args: Json;
  readonly context: Omit<ToolContext, 'signal'>;
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
      if (over) throw new ToolError('The tool call has ended, so it can no longer change the session.');
      return await change(...given);
    };
  const toolContext: ToolContext = {
    ...context,
    signal: stop.signal,
    progress: (progress) => {
      if (!over) context.progress(progress);
    },
    state: { ...context.state, merge: unlessOver(context.state.merge) },
    startWorkflow: unlessOver(async (type, options) => {
      const started = await context.startWorkflow(type, options);
      return { ...started, result: (own = stop.signal) => started.result(own) };
    }),
    metadata: { ...context.metadata, merge: unlessOver(context.metadata.merge) },
  };
  try {
    return await Promise.race([stopped.promise, attempt(tool, args, toolContext)]);
  } finally {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onCancel);
  }
}

async function attempt(tool: Tool, args: Json, context: ToolContext): Promise<AttemptOutcome> {
  try {
    const parsed = await tool.parameters.safeParseAsync(args);
    if (!parsed.success) {
      const given = { schema: tool.parameters, input: args, mayQuote: true } as const;
      const problems = joinProblems(describeIssues(parsed.error.issues, given));
      return failed(`The arguments are not valid: ${problems}.`, false);
    }
    // Validation may be asynchronous. The tool must have no effect after a cancel.
    if (context.signal.aborted) return { status: 'cancelled' };
    return outcomeOf(await tool.execute(parsed.data, context));
  } catch (error) {
    return failed(messageOf(error), !(isObject(error) && error['retryable'] === false));
  }
}

function outcomeOf(result: unknown): AttemptOutcome {
  let text: string | undefined;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch (error) {
    return failed(`The result of the tool is not JSON: ${messageOf(error)}`, false);
  }
  if (text === undefined) return failed(`The result of the tool is not JSON: it is a ${typeof result}.`, false);
  const bytes = Buffer.byteLength(text);
  const limit = LIMITS.toolResultBytes.value;
  if (bytes > limit) {
    return failed(
      `The result of the tool is too large: ${bytes} bytes as JSON, the limit is ${limit}. Ask for less.`,
      false,
    );
  }
  return { status: 'completed', result: JSON.parse(storable(text)) as Json };
}

/** Replaces NUL and lone surrogates, which PostgreSQL cannot store, by U+FFFD. `JSON.stringify` has escaped both. */
function storable(json: string): string {
  return json.replaceAll(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escape) =>
    /^\\u(?:0000|d[89a-f])/.test(escape) ? '\uFFFD' : escape,
  );
}

function failed(error: string, retryable: boolean): AttemptOutcome {
  const text = error.slice(0, LIMITS.toolErrorCharacters.value).replaceAll('\0', '\uFFFD').toWellFormed();
  return { status: 'failed', error: text, retryable };
}

function messageOf(error: unknown): string {
  const message = isObject(error) ? error['message'] : error;
  if (typeof message === 'string' && message.trim() !== '') return message;
  return error instanceof Error ? `The tool failed: ${error.name}.` : 'The tool failed without an error message.';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
