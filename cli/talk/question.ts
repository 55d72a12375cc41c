import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { InboxItem } from '../../contracts/session/inbox-item.ts';
import { argumentLines } from '../render/inbox-lines.ts';
import { shortItemId } from '../shared/short-id.ts';
import { formatTime, type TimeStyle } from '../render/format-time.ts';
import { stripControl } from '../render/strip-control.ts';
import type { Paint } from '../shared/command-deps.ts';
import { exampleOf, type FormField } from '../shared/questions/form.ts';
import { ASK_USER, userQuestionOf, type UserQuestion } from '../shared/questions/user-question.ts';

/** What is asked in a chat. */
export type Question = Pick<InboxItem, 'id' | 'kind' | 'tool' | 'arguments' | 'hash' | 'expiresAt'>;

type Requested = Extract<PerdureEvent, { type: 'approval.requested' | 'client_call.requested' }>;

export function isRequest(event: { readonly type: string }): event is Requested {
  return event.type === 'approval.requested' || event.type === 'client_call.requested';
}

export function questionOf({ type, itemId: id, tool, arguments: args, hash, expiresAt }: Requested): Question {
  return { id, kind: type === 'approval.requested' ? 'approval' : 'client', tool, arguments: args, hash, expiresAt };
}

/** Whether a person can answer it in a chat: other client calls are for programs. */
export function isForPeople({ kind, tool }: Question): boolean {
  return kind === 'approval' || tool === ASK_USER;
}

/** A question as lines, with the answers that it takes. */
export function questionLines(
  question: Question,
  { paint, ...style }: TimeStyle & { readonly paint: Paint },
): string[] {
  const mark = paint('yellow', '?');
  const until = `until ${formatTime(question.expiresAt, style)}`;
  if (question.kind === 'approval') {
    return [
      `${mark} ${paint('bold', stripControl(question.tool))} needs your approval ${paint('dim', `(${shortItemId(question.id, style.terminal)}, ${until})`)}`,
      ...argumentLines(question.arguments, paint),
      paint('dim', 'a approve · s always in this session · u always · e edit · r reject'),
    ];
  }
  const asked = userQuestionOf(question.arguments);
  const { question: text, choices, fields, server } = asked;
  const lines = stripControl(text).split('\n');
  const width = Math.min(24, Math.max(0, ...(fields ?? []).map(({ name }) => name.length)));
  return [
    ...(server ? [paint('dim', `The MCP server ${stripControl(server)} asks:`)] : []),
    ...lines.map((line, index) => (index === 0 ? `${mark} ${paint('bold', line)}` : `  ${line}`)),
    ...choices.map((choice, index) => `  ${paint('cyan', String(index + 1).padStart(2))}  ${stripControl(choice)}`),
    ...(fields ?? []).map(
      (field) => `    ${paint('dim', stripControl(field.name).padEnd(width))}  ${describeField(field)}`,
    ),
    paint('dim', answersOf(asked)),
  ];
}

function describeField({ takes, isRequired }: FormField): string {
  return stripControl(isRequired ? takes : `${takes} (may be left out)`);
}

function answersOf({ choices, isJson, fields }: UserQuestion): string {
  const decline = '/decline refuses to answer.';
  if (choices.length > 0) return `Type a number from 1 to ${choices.length}. ${decline}`;
  if (fields && fields.length > 1) return `Type ${stripControl(exampleOf(fields))} ${decline}`;
  return `${isJson && !fields ? 'Type the answer as JSON.' : 'Type your answer.'} ${decline}`;
}
