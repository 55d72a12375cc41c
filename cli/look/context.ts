import type { CallContext, Origin } from '../../contracts/session/call-context.ts';
import type { CallName } from '../../client/http/queries.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { withRun } from '../shared/with-run.ts';
import { formatCount } from '../render/format-count.ts';
import { fileLine } from '../render/message-lines.ts';
import { stripControl } from '../render/strip-control.ts';
import { terminalWidth } from '../render/terminal-width.ts';
import { wrapText } from '../render/word-wrap.ts';

/** `perdure context <run>`, `perdure context <session> <run>`: what a model call was given, and where each part comes from. */
export async function context(
  deps: CommandDeps,
  first: string,
  second: string | undefined,
  call: CallName,
): Promise<void> {
  const given = await withRun(deps, [first, second], (session, run) => deps.client.context(session, run, call));
  if (deps.json) return deps.printJson(given);
  for (const line of contextLines(given, deps)) deps.print(line);
}

/** The lines that show a context. */
export function contextLines(
  given: CallContext,
  { paint, terminal }: Pick<CommandDeps, 'paint' | 'terminal'>,
): string[] {
  const { runId, step, attempt, agent, agentVersion, sessionId, model, instructions, messages, tools, tokens } = given;
  const width = terminalWidth({ terminal });
  const text = (content: string): string[] => wrapText(stripControl(content), width).split('\n');
  const heading = (what: string, part: { readonly origin: Origin; readonly tokens: number }): string =>
    paint('bold', what) + paint('dim', `  ${originText(part.origin, runId)}, ${formatCount(part.tokens, 'token')}`);
  const counted = tokens.reported === null ? '' : `; the provider counted ${formatCount(tokens.reported, 'token')}`;
  return [
    paint('bold', `run ${runId}, step ${step}, attempt ${attempt}: ${stripControl(model)}`),
    `session ${stripControl(sessionId)}`,
    `agent ${agent}, version ${agentVersion.slice(0, 12)}`,
    `${formatCount(messages.length, 'message')}, ${formatCount(tools.length, 'tool')}, about ${formatCount(tokens.estimated, 'token')}${counted}`,
    ...(given.conversation ? [keptText(given.conversation, runId)] : []),
    ...(given.recorded ? [] : ['This call has no record of its context, so it was composed by the settings of today.']),
    ...(given.changesOmitted
      ? [
          'Middleware has changed this request; the changes were too large to be stored, so it is shown as it was before.',
        ]
      : []),
    ...instructions.flatMap((part) => ['', heading('instructions', part), ...text(part.text)]),
    ...messages.flatMap(({ message, ...part }) => ['', heading(message.role, part), ...text(messageText(message))]),
    ...tools.flatMap(({ tool, ...part }) => ['', heading(`tool ${tool.name}`, part), ...text(tool.description)]),
    '',
    ...parameterLines(given.parameters, paint),
  ];
}

/** What the provider has of the conversation, besides what is shown. */
function keptText(
  { after, previous, keptTokens, rebuilt }: NonNullable<CallContext['conversation']>,
  callRunId: string,
): string {
  if (after === null) {
    const why = rebuilt === undefined ? '' : `; the whole context was sent to it (${rebuilt})`;
    return `The provider keeps the conversation, and had nothing of it before${why}.`;
  }
  const id = previous === null ? '' : ` (${previous.kind} ${stripControl(previous.id)})`;
  return `The provider keeps the rest of the context, about ${formatCount(keptTokens, 'token')}, up to the reply of step ${after.step}${ofRun(after.runId, callRunId)}${id}.`;
}

/** Where a part comes from. The run of the call is not named. */
function originText(origin: Origin, callRunId: string): string {
  switch (origin.kind) {
    case 'agent':
      return 'of the agent';
    case 'recovery':
      return `note about the recovery (${origin.reason})`;
    case 'rebuilt':
      return `note about the rebuilt context (${origin.reason})`;
    case 'provider':
      return `of the context provider ${stripControl(origin.name)}`;
    case 'summary':
      return `summary of older messages, event ${origin.seq}`;
    case 'omission':
      return 'note about messages that are left out';
    case 'message':
      return `message ${stripControl(origin.messageId)}${ofRun(origin.runId, callRunId)}${changedText(origin.changedBy)}`;
    case 'reply':
      return `reply of step ${origin.step}${ofRun(origin.runId, callRunId)}`;
    case 'tool':
      return `result of ${stripControl(origin.callId)}, step ${origin.step}${ofRun(origin.runId, callRunId)}`;
    case 'feedback':
      return `what is wrong with the answer of step ${origin.step}${ofRun(origin.runId, callRunId)}`;
    case 'middleware':
      return `by the middleware ${stripControl(origin.name)}`;
  }
}

function changedText(names: readonly string[] = []): string {
  return names.length === 0 ? '' : `, changed by ${stripControl(names.join(', '))}`;
}

function ofRun(runId: string, callRunId: string): string {
  return runId === callRunId ? '' : ` of run ${runId}`;
}

function messageText(message: CallContext['messages'][number]['message']): string {
  if (message.role === 'assistant') {
    const calls = message.toolCalls.map(({ tool, arguments: args }) => `→ ${tool} ${JSON.stringify(args)}`);
    return [...(message.content === '' ? [] : [message.content]), ...calls].join('\n');
  }
  if (!('parts' in message) || message.parts === undefined) return message.content;
  return message.parts.map((part) => (part.type === 'text' ? part.text : `[${fileLine(part)}]`)).join('\n');
}

function parameterLines(
  { outputSchema, ...parameters }: CallContext['parameters'],
  paint: CommandDeps['paint'],
): string[] {
  const set = Object.entries(parameters).filter(([, value]) => value !== null);
  const shown = set.map(([name, value]) => `${name} ${String(value)}`).join(', ');
  return [
    `${paint('bold', 'parameters')}  ${shown}`,
    ...(outputSchema ? [`${paint('bold', 'answer')}  ${JSON.stringify(outputSchema)}`] : []),
  ];
}
