import { isDeepStrictEqual } from 'node:util';
import { MiddlewareError, type ChangedMessage } from '../../../agents/middleware/middleware.ts';
import { isFilePart, textOfParts, type MessagePart } from '../../../contracts/attachments/content-parts.ts';
import type { DecidedMessage } from '../../../contracts/session/input-decision.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import { withText } from '../../../core/conversation/decided-entry.ts';
import type { AgentMiddleware } from '../../middleware/agent-middleware.ts';
import { hookFailure } from '../../middleware/hook-failure.ts';

type UserEntry = Extract<TranscriptEntry, { role: 'user' }>;

/** A message as the hook before has left it. */
export interface MessageInHook {
  readonly content: string;
  readonly parts?: readonly MessagePart[];
}

/** A message with what a hook has returned for it. Throws for an image or a file that the message does not have. */
export function changedMessage(
  { name }: Pick<AgentMiddleware, 'name'>,
  { parts }: MessageInHook,
  change: ChangedMessage,
): MessageInHook {
  if (typeof change === 'string') {
    if (parts === undefined) return { content: change };
    return { content: change, parts: withText(parts, change) };
  }
  const own = new Map((parts ?? []).filter(isFilePart).map((part) => [part.attachmentId, part]));
  const changed = change.parts.map((part): MessagePart => {
    if (!isFilePart(part)) return part;
    const known = own.get(part.attachmentId);
    if (known !== undefined) return { ...known, name: part.name };
    throw hookFailure(
      name,
      new MiddlewareError(
        'it returned an image or a file that the message does not have. Leave out or rename those it has.',
      ),
    );
  });
  return { content: textOfParts(changed), parts: changed.length === 0 ? [{ type: 'text', text: '' }] : changed };
}

/** What is recorded of a message: what has changed of it. */
export function decidedMessage(
  { messageId, content, parts }: UserEntry,
  decided: MessageInHook | undefined,
): DecidedMessage {
  if (decided === undefined) return { messageId };
  const isText = decided.parts === undefined || isDeepStrictEqual(decided.parts, parts);
  return {
    messageId,
    ...(decided.content === content ? {} : { content: decided.content }),
    ...(isText ? {} : { parts: [...(decided.parts ?? [])] }),
  };
}
