import { z } from 'zod';
import { defineClientTool } from '../../agents/define-client-tool.ts';
import { defineTool } from '../../agents/define-tool.ts';
import { askUser } from '../../agents/tools/ask-user.ts';
import type { AgentSpec } from '../../contracts/agent.ts';
import { UPDATE } from '../../contracts/names.ts';
import type { AnsweredInboxItem } from '../../contracts/session/commands.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ApprovalAnswer, ClientAnswer, InboxItem } from '../../contracts/session/inbox-item.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import { listPendingItems } from '../../store/inbox/list-items.ts';
import type { FunctionModel } from '../../testing/function-models.ts';
import { startStack, type Stack, type StackOptions } from './stack.ts';
import { testTemporal } from './temporal/temporal-server.ts';

/** A stack whose agents have tools that need approvals, and tools that clients execute. */
export interface AskingStack extends AsyncDisposable {
  readonly stack: Stack;
  /** The arguments with which the tool `pay` was executed. */
  readonly payments: readonly { readonly session: string; readonly euros: number }[];
  /** The requests that the model was given. */
  readonly requests: readonly ModelRequest[];
  /** Sends a message whose calls the model makes, and resolves with the items that wait then. */
  ask(key: SessionKey, calls: readonly ToolCallRequest[], agent?: string): Promise<readonly InboxItem[]>;
  approve(key: SessionKey, item: InboxItem | undefined, answer?: Partial<ApprovalAnswer>, by?: string): Promise<void>;
  answer(key: SessionKey, item: InboxItem | undefined, answer: ClientAnswer): Promise<void>;
}

export const pay = (euros: number, callId = `pay-${euros}`): ToolCallRequest => toolCall('pay', { euros }, callId);

export function toolCall(tool: string, args: ToolCallRequest['arguments'], callId = tool): ToolCallRequest {
  return { callId, tool, arguments: args, malformed: null };
}

/** Throws for a call without a result: providers refuse such a conversation. */
function refuseOpenCalls({ messages }: ModelRequest): void {
  const results = new Set(messages.flatMap((message) => (message.role === 'tool' ? [message.callId] : [])));
  const open = messages
    .flatMap((message) => (message.role === 'assistant' ? message.toolCalls : []))
    .filter(({ callId }) => !results.has(callId));
  if (open.length > 0) throw new Error(`The call ${open[0]?.callId} has no result.`);
}

/** The output of the run that ended last; its end otherwise. */
export function lastOutput(events: readonly PerdureEvent[]): string {
  const end = events.findLast(({ type }) => /^run\.(?:completed|failed|cancelled)$/.test(type));
  return end?.type === 'run.completed' ? end.output : (end?.type ?? 'none');
}

const AGENTS: readonly AgentSpec[] = [
  { name: 'assistant', tools: ['pay', 'look', 'locate', 'ask_user'] },
  { name: 'proceeding', tools: ['pay', 'look', 'locate'], policy: { whileWaiting: 'proceed' } },
];

export async function startAskingStack(options: Partial<StackOptions> = {}): Promise<AskingStack> {
  const payments: { session: string; euros: number }[] = [];
  const requests: ModelRequest[] = [];
  const model: FunctionModel = (request) => {
    requests.push(request);
    refuseOpenCalls(request);
    const last = request.messages.at(-1);
    if (last?.role === 'user' && last.content.startsWith('['))
      return { toolCalls: JSON.parse(last.content) as ToolCallRequest[] };
    if (last?.role === 'user') return `echo ${last.content}`;
    const from = request.messages.findLastIndex(({ role }) => role === 'assistant');
    return request.messages
      .slice(from + 1)
      .map(({ content }) => content)
      .join(' | ');
  };
  const stack = await startStack({
    temporal: await testTemporal(),
    model,
    agents: AGENTS,
    ...options,
    tools: [
      defineTool({
        name: 'pay',
        description: 'Pays.',
        parameters: z.object({ euros: z.number().max(1_000) }),
        approval: 'always',
        execute: ({ euros }, { session }) => {
          payments.push({ session: session.session, euros });
          return `paid ${euros}`;
        },
      }),
      defineTool({
        name: 'look',
        description: 'Looks.',
        parameters: z.object({}),
        idempotent: true,
        timeoutMs: 5_000,
        execute: () => 'looked',
      }),
      defineClientTool({
        name: 'locate',
        description: 'Locates the user.',
        parameters: z.object({}),
        result: z.object({ city: z.string() }),
      }),
      askUser,
      ...(options.tools ?? []),
    ],
  });
  const update = async (key: SessionKey, name: string, item: InboxItem | undefined, answer: object, by?: string) => {
    const handle = stack.client.workflow.getHandle(workflowIdOf(key));
    const who = by === undefined ? {} : { by, operator: true };
    await handle.executeUpdate<AnsweredInboxItem, [unknown]>(name, { args: [{ itemId: item?.id, answer, ...who }] });
  };
  return {
    stack,
    payments,
    requests,
    async ask(key, calls, agent) {
      const content = JSON.stringify(calls);
      await stack.sender.submit(key, { content, ...(agent === undefined ? {} : { agent }) });
      await stack.until(key, (events) => events.filter(({ type }) => type.endsWith('.requested')).length > 0);
      return await listPendingItems(stack.db, key);
    },
    approve: (key, item, answer = {}, by) =>
      update(key, UPDATE.answerApproval, item, { decision: 'approve', ...answer }, by),
    answer: (key, item, answer) => update(key, UPDATE.answerClientCall, item, answer),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}
