import type { Json } from '../contracts/json.ts';
import { PerdureError, type ErrorCode } from '../contracts/errors.ts';
import type { PerdureEvent, StreamEvent } from '../contracts/events/event.ts';
import type { ApprovalAnswer, ClientAnswer, InboxItem } from '../contracts/session/inbox-item.ts';

/** What a function of a client tool gets besides the arguments. */
export interface ClientToolContext {
  readonly item: InboxItem;
  /** Aborted when the call no longer waits: another client has answered it, it has expired, or the run has ended. */
  readonly signal: AbortSignal;
}

/** Makes a call of a client tool. What it returns is the result; what it throws, the error that the model is given. */
export type ClientTool = (args: never, context: ClientToolContext) => unknown;

/** Decides on an approval; undefined leaves it to somebody else. */
export type OnApproval = (
  item: InboxItem,
  context: { readonly signal: AbortSignal },
) => ApprovalAnswer | undefined | Promise<ApprovalAnswer | undefined>;

/** Functions that answer while events are read. */
export interface AnswerOptions {
  /** Client tools by name. Calls of others are left to other clients. */
  readonly tools?: Readonly<Record<string, ClientTool>> | undefined;
  readonly onApproval?: OnApproval | undefined;
}

/** How items are read and answered. */
export interface ItemAnswers {
  /** The items of the session that wait, of one kind. */
  pending(kind: InboxItem['kind']): Promise<readonly InboxItem[]>;
  approval(item: InboxItem, answer: ApprovalAnswer): Promise<unknown>;
  clientCall(item: InboxItem, answer: ClientAnswer): Promise<unknown>;
}

type Requested = Extract<PerdureEvent, { type: 'approval.requested' | 'client_call.requested' }>;

/** Another client was first, or the call was withdrawn: the run goes on without this answer. */
const ANSWERED_ELSEWHERE: ReadonlySet<ErrorCode> = new Set(['already_decided', 'not_found']);

/**
 * Passes events on, and answers meanwhile what they request: calls of `tools`, and approvals by `onApproval`. A request in the past
 * that was answered since is not answered again. Several clients may do this at once: the first answer counts, and the others go on.
 * Rejects when an answer cannot be delivered. With `runId`, only requests of that run are answered.
 */
export async function* answering(
  events: AsyncIterable<StreamEvent>,
  { tools = {}, onApproval }: AnswerOptions,
  answers: ItemAnswers,
  runId: () => string | null = () => null,
): AsyncGenerator<StreamEvent> {
  const open = new Map<string, AbortController>();
  let failed: { readonly error: unknown } | undefined;
  let fail: ((error: unknown) => void) | undefined;

  function start(event: Requested): void {
    const tool = event.type === 'client_call.requested' ? ownTool(tools, event.tool) : undefined;
    if (event.type === 'client_call.requested' ? !tool : !onApproval) return;
    const of = runId();
    if (of !== null && of !== event.runId) return;
    const stop = new AbortController();
    open.set(event.itemId, stop);
    const kind = event.type === 'client_call.requested' ? 'client' : 'approval';
    void (async () => {
      const item = (await answers.pending(kind)).find(({ id }) => id === event.itemId);
      if (!item || stop.signal.aborted) return;
      if (tool) await answers.clientCall(item, await resultOf(tool, item, stop.signal));
      else {
        const answer = await onApproval?.(item, { signal: stop.signal });
        if (answer) await answers.approval(item, answer);
      }
    })().catch((error: unknown) => {
      if (stop.signal.aborted || (error instanceof PerdureError && ANSWERED_ELSEWHERE.has(error.code))) return;
      failed = { error };
      fail?.(error);
    });
  }

  const iterator = events[Symbol.asyncIterator]();
  try {
    for (;;) {
      if (failed) throw failed.error;
      // A promise for each event: one for all would keep a reaction of each.
      const { promise, reject } = Promise.withResolvers<never>();
      fail = reject;
      const next = await Promise.race([iterator.next(), promise]);
      if (next.done === true) return;
      const event = next.value;
      if (event.type === 'approval.requested' || event.type === 'client_call.requested') start(event);
      else if ('itemId' in event && !event.type.endsWith('.reminded')) {
        open.get(event.itemId)?.abort();
        open.delete(event.itemId);
      }
      yield event;
    }
  } finally {
    for (const stop of open.values()) stop.abort();
    // Not awaited: a read that is in progress may last.
    void iterator.return?.();
  }
}

function ownTool(tools: Readonly<Record<string, ClientTool>>, name: string): ClientTool | undefined {
  return Object.hasOwn(tools, name) ? tools[name] : undefined;
}

async function resultOf(tool: ClientTool, item: InboxItem, signal: AbortSignal): Promise<ClientAnswer> {
  try {
    const result = (await tool(item.arguments as never, { item, signal })) as Json | undefined;
    return { result: result ?? null };
  } catch (error) {
    return { error: error instanceof Error && error.message !== '' ? error.message : String(error) };
  }
}
