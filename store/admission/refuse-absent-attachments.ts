import { isFilePart } from '../../contracts/attachments/content-parts.ts';
import type { Tx } from '../db/db.ts';
import { findAbsentAttachments, noSuchAttachment } from '../attachments/read-attachments.ts';
import type { IncomingMessage } from './admission-request.ts';

/** Refuses the messages whose attachments were removed since they were read. Until the transaction ends, no others are. */
export async function refuseAbsentAttachments(
  tx: Tx,
  user: string,
  messages: readonly IncomingMessage[],
): Promise<readonly IncomingMessage[]> {
  const ids = attachmentIdsOf(messages);
  if (ids.length === 0) return messages;
  const absent = await findAbsentAttachments(tx, user, ids);
  return messages.map((message) => {
    const missing = attachmentIdsOf([message]).find((id) => absent.has(id));
    if (missing === undefined) return message;
    return { ...message, refusal: { code: 'invalid_request', detail: noSuchAttachment(missing).message } };
  });
}

/** The ids of the attachments that messages refer to, but those of messages that are refused. */
function attachmentIdsOf(messages: readonly Pick<IncomingMessage, 'parts' | 'refusal'>[]): string[] {
  const accepted = messages.flatMap(({ parts = [], refusal }) => (refusal === undefined ? parts : []));
  return [...new Set(accepted.filter(isFilePart).map(({ attachmentId }) => attachmentId))];
}
