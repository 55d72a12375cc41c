import { isFilePart } from '../../contracts/attachments/content-parts.ts';
import type { NewEvent } from '../../contracts/events/event.ts';

/** A row of `attachment_references`, without its session. */
interface AttachmentReference {
  readonly attachment_id: string;
}

/** The attachments that events refer to, once each. */
export function attachmentsOf(events: readonly NewEvent[]): AttachmentReference[] {
  const ids = new Set(events.flatMap(idsIn));
  return [...ids].map((attachment_id) => ({ attachment_id }));
}

function idsIn(event: NewEvent): readonly string[] {
  if (event.type === 'message.received')
    return (event.parts ?? []).filter(isFilePart).map(({ attachmentId }) => attachmentId);
  return event.type === 'tool.completed' ? (event.attachments ?? []) : [];
}
