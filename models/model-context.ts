import { toolNameOf } from '../contracts/approvals/approval-settings.ts';
import { withContributedTools, type AgentSpec, type AgentVersion } from '../contracts/agent.ts';
import { isFilePart, type MessagePart } from '../contracts/attachments/content-parts.ts';
import type { ProvidedContext } from '../contracts/capabilities/context-provider.ts';
import type { JsonObject } from '../contracts/json.ts';
import type { Origin } from '../contracts/session/call-context.ts';
import type { ProviderData, ProviderFields, RebuildReason } from '../contracts/session/run.ts';
import type { RecoveryReason } from '../contracts/session/session.ts';
import { PROGRAM_TOOL, toolsForModel } from '../core/tools/program-tools.ts';
import type { TranscriptEntry } from '../contracts/session/transcript.ts';
import { omissionNote, summaryNote } from '../core/conversation/context-notes.ts';
import { REBUILT_NOTE, recoveryNote } from '../core/conversation/recovery-note.ts';
import type { ContextSummary } from '../core/conversation/summary.ts';
import type { KeptConversation, ModelMessage, ModelPart, ModelRequest } from './model-client.ts';
import { partText } from './part-text.ts';

/** What a model call is given, in parts with their origins. */
export interface ModelContext {
  /** The parts of the system prompt, in order. */
  readonly instructions: readonly { readonly origin: Origin; readonly text: string }[];
  readonly messages: readonly { readonly origin: Origin; readonly message: ModelMessage }[];
  readonly tools: readonly { readonly origin: Origin; readonly tool: ModelRequest['tools'][number] }[];
  readonly parameters: Omit<ModelRequest, 'model' | 'instructions' | 'messages' | 'tools' | 'conversation'>;
  /** The rest of the context, which the provider keeps. Absent: it keeps nothing. */
  readonly conversation?: KeptConversation | undefined;
}

/** How a call continues the conversation that its provider keeps. */
export interface Continuation extends KeptConversation {
  /** The reply up to which the provider has the conversation; null: it is sent all entries. */
  readonly after: { readonly runId: string; readonly step: number } | null;
  /** Why it is sent all entries; absent where there were none before. */
  readonly rebuilt?: RebuildReason | undefined;
}

/** What a context is composed of, besides the agent. */
export interface ContextSource {
  readonly step: number;
  readonly recovered: RecoveryReason | null;
  /** The requested model, `provider/model`. */
  readonly model: string;
  /** The schema that a message of the run has for its answer. Default: that of the agent, if it has one. */
  readonly schema?: JsonObject | null;
  /** What the context providers of the run add to each of its model calls. Default: nothing. */
  readonly contributions?: readonly ProvidedContext[];
  /** The conversation, the newest entry last. */
  readonly entries: readonly TranscriptEntry[];
  /** The summary of the messages before them. Default: none. */
  readonly summary?: ContextSummary | null;
  /** Number of messages and replies before them that are left out. Default 0. */
  readonly omitted?: number;
  /** Absent: the provider keeps nothing. */
  readonly continuation?: Continuation | undefined;
}

/** Composes what the model call of a step is given. A `toolChoice` applies to the first step only, or the run would never end. */
export function composeContext(agent: AgentVersion, source: ContextSource): ModelContext {
  const { spec } = agent;
  const { step, recovered, model, schema, contributions = [], entries, summary = null, omitted = 0 } = source;
  const { continuation } = source;
  // The run of the call is the last one.
  const ownFrom = entries.findIndex(({ runId }) => runId === entries.at(-1)?.runId);
  const outputSchema = schema ?? spec.output?.schema;
  const tools = toolsForModel(withContributedTools(agent, contributions));
  return {
    // The note is in the instructions, not in a message: many models accept a system message only at the beginning.
    instructions: [
      ...(spec.instructions ? [{ origin: { kind: 'agent' }, text: spec.instructions } as const] : []),
      ...contributions.flatMap(({ provider, instructions: text = '' }) =>
        text === '' ? [] : [{ origin: { kind: 'provider', name: provider }, text } as const],
      ),
      ...(recovered === null
        ? []
        : [{ origin: { kind: 'recovery', reason: recovered }, text: recoveryNote(recovered) } as const]),
      ...(continuation?.rebuilt === undefined
        ? []
        : [{ origin: { kind: 'rebuilt', reason: continuation.rebuilt }, text: REBUILT_NOTE } as const]),
    ],
    messages: withoutKept(
      [
        ...(summary
          ? [{ origin: { kind: 'summary', seq: summary.seq }, message: noteOf(summaryNote(summary.text)) } as const]
          : []),
        ...(omitted > 0
          ? [{ origin: { kind: 'omission', omitted }, message: noteOf(omissionNote(omitted)) } as const]
          : []),
        ...entries.flatMap((entry, at) => [
          ...(at === ownFrom ? contributions.flatMap(contributedMessages) : []),
          ...messagesOf(entry, model, continues(entries, at), entry.runId === entries.at(-1)?.runId),
        ]),
      ],
      continuation,
    ),
    tools: tools.map(({ name, description, parameters }) => ({
      origin:
        name === PROGRAM_TOOL || spec.tools?.some((ref) => toolNameOf(ref) === name)
          ? { kind: 'agent' }
          : toolOrigin(contributions, name),
      tool: { name, description, parameters },
    })),
    parameters: {
      toolChoice: step === 1 || spec.toolChoice === 'none' ? toolChoiceOf(spec, tools) : 'auto',
      temperature: spec.temperature ?? null,
      maxOutputTokens: spec.maxOutputTokens ?? null,
      reasoningEffort: spec.reasoningEffort ?? null,
      ...(outputSchema ? { outputSchema } : {}),
      stream: spec.stream ?? true,
    },
    ...(continuation ? { conversation: keptOf(continuation) } : {}),
  };
}

/** What the agent sets, unless it needs the tools of an MCP server that is away: providers refuse a choice among none. */
function toolChoiceOf({ toolChoice = 'auto', mcp }: AgentSpec, tools: readonly { readonly name: string }[]): string {
  if (mcp === undefined || toolChoice === 'auto' || toolChoice === 'none') return toolChoice;
  const isThere = toolChoice === 'required' ? tools.length > 0 : tools.some(({ name }) => name === toolChoice);
  return isThere ? toolChoice : 'auto';
}

function keptOf({ previous, verify, keptTokens }: Continuation): KeptConversation {
  return { previous, keptTokens, ...(verify ? { verify } : {}) };
}

/** The messages after those that the provider has, without notes on what is before them. The results of the last reply's calls are new. */
function withoutKept(
  messages: ModelContext['messages'],
  continuation: Pick<Continuation, 'after'> | undefined,
): ModelContext['messages'] {
  const after = continuation?.after;
  if (!after) return messages;
  const { runId, step } = after;
  const isLast = ({ origin }: (typeof messages)[number]) =>
    origin.kind === 'reply' && origin.runId === runId && origin.step === step;
  return messages.slice(messages.findLastIndex(isLast) + 1);
}

function contributedMessages({ provider, messages = [] }: ProvidedContext): ModelContext['messages'] {
  const origin = { kind: 'provider', name: provider } as const;
  return messages.map(({ role, content }) => ({
    origin,
    message: role === 'user' ? { role, content } : { role, content, toolCalls: [] },
  }));
}

function toolOrigin(contributions: readonly ProvidedContext[], name: string): Origin {
  const from = contributions.find(({ tools = [] }) => tools.some((tool) => tool.name === name));
  return from ? { kind: 'provider', name: from.provider } : { kind: 'agent' };
}

/** The request to `model`, which is a name without its provider. */
export function requestOf(
  { instructions, messages, tools, parameters, conversation }: ModelContext,
  model: string,
): ModelRequest {
  return {
    model,
    instructions: instructions.map(({ text }) => text).join('\n\n'),
    messages: messages.map(({ message }) => message),
    tools: tools.map(({ tool }) => tool),
    ...parameters,
    ...(conversation ? { conversation } : {}),
  };
}

/** Notes about the conversation are messages of the user's side: what a summary contains has no more authority than what it is made of. */
function noteOf(content: string): ModelMessage {
  return { role: 'user', content };
}

/** Whether the run of an entry goes on after it: in its next step, or in this call, which is of the run of the last entry. */
function continues(entries: readonly TranscriptEntry[], at: number): boolean {
  const runId = entries[at]?.runId;
  return entries[at + 1]?.runId === runId || entries.at(-1)?.runId === runId;
}

function messagesOf(
  entry: TranscriptEntry,
  requested: string,
  isContinued: boolean,
  isOfRun: boolean,
): readonly ModelContext['messages'][number][] {
  switch (entry.role) {
    case 'user': {
      const { runId, messageId, content, decision, changedBy } = entry;
      if (decision?.kind === 'refuse') return [];
      const origin = { kind: 'message', runId, messageId, ...(changedBy ? { changedBy } : {}) } as const;
      const parts = entry.parts ? { parts: entry.parts.map((part) => modelPart(part, isOfRun)) } : {};
      return [{ origin, message: { role: 'user', content, ...parts } }];
    }
    case 'assistant': {
      const { runId, step, content, toolCalls, providerData, rejected } = entry;
      // Other models would refuse fields that they have not sent.
      const fields = providerData?.model === requested ? { providerFields: fieldsOf(providerData) } : {};
      const reply = { role: 'assistant', content, toolCalls, ...fields } as const;
      return [
        { origin: { kind: 'reply', runId, step }, message: reply },
        // What is wrong with the last answer of a run that has ended is of no use to another run.
        ...(rejected && isContinued
          ? [
              {
                origin: { kind: 'feedback', runId, step },
                message: { role: 'user', content: rejected.feedback },
              } as const,
            ]
          : []),
      ];
    }
    case 'tool': {
      const { runId, step, callId, tool, content } = entry;
      return [{ origin: { kind: 'tool', runId, step, callId }, message: { role: 'tool', callId, tool, content } }];
    }
  }
}

function modelPart(part: MessagePart, isOfRun: boolean): ModelPart {
  if (!isFilePart(part)) return { type: 'text', text: partText(part) };
  const { attachmentId, name, contentType, size } = part;
  return { type: 'attachment', attachmentId, name, contentType, size, isOfRun };
}

function fieldsOf({ message, calls }: ProviderData): ProviderFields {
  return { message, calls };
}
