import { ToolError, type Tool, type ToolContext } from '../../agents/define-tool.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** How one try of a tool call ended. */
export type TryOutcome =
  | { readonly status: 'completed'; readonly result: Json }
  /** `error` is told to the model; `retryable` is false when another try would only repeat it. */
  | { readonly status: 'failed'; readonly error: string; readonly retryable: boolean }
  | { readonly status: 'timed-out' }
  | { readonly status: 'cancelled' };

export interface ToolTry {
  readonly tool: Tool;
  /** As the model sent them. */
  readonly args: Json;
  readonly context: Omit<ToolContext, 'signal'>;
  /** Aborted by a cancel or a shutdown. */
  readonly signal: AbortSignal;
  /** Default: the tool's own. */
  readonly timeoutMs?: number;
}

/**
 * One try of a tool call; never rejects. A tool that ignores its signal is abandoned at once: what it
 * returns, throws or shows afterwards is dropped. A tool that blocks the thread cannot be stopped.
 */
export async function executeTool({
  tool,
  args,
  context,
  signal,
  timeoutMs = tool.timeoutMs,
}: ToolTry): Promise<TryOutcome> {
  if (signal.aborted) return { status: 'cancelled' };
  const stop = new AbortController();
  const stopped = Promise.withResolvers<TryOutcome>();
  const end = (status: 'timed-out' | 'cancelled', reason: unknown): void => {
    // The outcome comes first, so that what the tool throws on being stopped does not pass for its own failure.
    stopped.resolve({ status });
    stop.abort(reason);
  };
  const onCancel = (): void => end('cancelled', signal.reason);
  const late = new DOMException(`The tool took longer than ${timeoutMs} ms.`, 'TimeoutError');
  const timer = setTimeout(() => end('timed-out', late), timeoutMs);
  signal.addEventListener('abort', onCancel, { once: true });
  let over = false;
  const unlessOver =
    <Given extends readonly unknown[], Result>(change: (...given: Given) => Promise<Result>) =>
    async (...given: Given): Promise<Result> => {
      if (over) throw new ToolError('The call is over: its tool may not change the session any more.');
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
    return await Promise.race([stopped.promise, tryTool(tool, args, toolContext)]);
  } finally {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener('abort', onCancel);
  }
}

async function tryTool(tool: Tool, args: Json, context: ToolContext): Promise<TryOutcome> {
  try {
    const parsed = await tool.parameters.safeParseAsync(args);
    if (!parsed.success) {
      const given = { schema: tool.parameters, input: args, mayQuote: true } as const;
      const problems = joinProblems(describeIssues(parsed.error.issues, given));
      return failed(`The arguments are not valid: ${problems}.`, false);
    }
    // Checked again: a cancel during validation must not be followed by an effect.
    if (context.signal.aborted) return { status: 'cancelled' };
    return outcomeOf(await tool.execute(parsed.data, context));
  } catch (error) {
    return failed(messageOf(error), !(isObject(error) && error['retryable'] === false));
  }
}

function outcomeOf(result: unknown): TryOutcome {
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

/** PostgreSQL keeps neither NUL nor half a surrogate pair; `JSON.stringify` escapes both, and they become U+FFFD. */
function storable(json: string): string {
  return json.replaceAll(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escape) =>
    /^\\u(?:0000|d[89a-f])/.test(escape) ? '\uFFFD' : escape,
  );
}

function failed(error: string, retryable: boolean): TryOutcome {
  const text = error.slice(0, LIMITS.toolErrorCharacters.value).replaceAll('\0', '\uFFFD').toWellFormed();
  return { status: 'failed', error: text, retryable };
}

function messageOf(error: unknown): string {
  const message = isObject(error) ? error['message'] : error;
  if (typeof message === 'string' && message.trim() !== '') return message;
  return error instanceof Error ? `The tool failed: ${error.name}.` : 'The tool failed without saying why.';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
