import type { z } from 'zod';
import { isFilePart } from '../../contracts/attachments/content-parts.ts';
import { openSessionSchema, updateSessionSchema } from '../../contracts/session/commands.ts';
import type { OpenSession, UpdateSession } from '../../contracts/session/commands.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { Limit } from '../../contracts/limits/limit.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import type { MessageInput } from '../../contracts/session/message.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { problemSentences } from '../../core/text/field-problem.ts';

/** Parses an input; throws `invalid_request` that names the invalid fields, never their values. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, input: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema, input });
  throw new PerdureError('invalid_request', problemSentences(problems, what));
}

/** Parses a message. Its size is checked first, as `too_large`. */
export function checkMessage(input: MessageInput): MessageInput {
  const content: unknown = (input as Partial<MessageInput> | null)?.content;
  if (typeof content === 'string') checkSize(content, LIMITS.messageBytes);
  const message = checkInput(messageInputSchema, input, 'message');
  if (typeof message.content !== 'string') {
    checkSize(JSON.stringify(message.content.filter((part) => !isFilePart(part))), LIMITS.messageBytes);
    checkSize(JSON.stringify(message.content), LIMITS.inlineMessageBytes);
  }
  return message;
}

/** Parses the input of a new session. */
export function checkOpen(input: OpenSession): OpenSession {
  const open = checkInput(openSessionSchema, input, 'session');
  checkJsonSize(open.metadata, LIMITS.metadataBytes);
  return open;
}

/** Parses a change of a session. */
export function checkUpdate(input: UpdateSession): UpdateSession {
  const update = checkInput(updateSessionSchema, input, 'change of the session');
  checkJsonSize(update.metadata, LIMITS.metadataBytes);
  checkJsonSize(update.state, LIMITS.stateBytes);
  return update;
}

function checkJsonSize(value: unknown, limit: Limit): void {
  if (value !== undefined) checkSize(JSON.stringify(value), limit);
}

function checkSize(text: string, limit: Limit): void {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= limit.value) return;
  throw new PerdureError(
    'too_large',
    `${limit.what[0]?.toUpperCase()}${limit.what.slice(1)} takes ${bytes} bytes; the limit is ${limit.value}. Send less at once.`,
  );
}
