import { z } from 'zod';
import { attachmentMoveRequestSchema, attachmentMoveSchema } from '../../contracts/attachments/attachment-move.ts';
import { attachmentNameSchema, attachmentSchema } from '../../contracts/attachments/attachment.ts';
import { storageLimits } from '../../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { contentTypeOf } from '../../core/attachments/content-type.ts';
import { readContent, type AttachmentKey } from '../../store/attachments/attachment-content.ts';
import { readAttachment } from '../../store/attachments/read-attachments.ts';
import { saveAttachment } from '../../store/attachments/save-attachment.ts';
import { appendAudit } from '../../store/admin/audit/append-audit.ts';
import { moveAttachments, requirePlace } from '../../store/admin/attachments/move-attachments.ts';
import { cursorOf, positionIn } from '../../store/db/cursor.ts';
import type { GatewayDeps } from '../answers/gateway-deps.ts';
import { contentResponse } from '../http/content-response.ts';
import { createDocumentSlots } from '../http/document-slots.ts';
import { route, type Route } from '../http/route.ts';

const LARGER = 'Send a smaller file, or raise limits.attachmentBytes in the deployment file.';

/** Images and files that messages refer to. */
export function attachmentRoutes({ db, deployment }: GatewayDeps): Route[] {
  const limits = storageLimits(deployment.limits);
  const slotLimits = { perUser: LIMITS.uploadsPerUser.value, total: LIMITS.uploads.value };
  const uploads = createDocumentSlots(slotLimits, { one: 'upload', many: 'uploads' });
  const downloads = createDocumentSlots(
    { perUser: 2 * slotLimits.perUser, total: 2 * slotLimits.total },
    { one: 'download', many: 'downloads' },
  );
  return [
    route({
      method: 'post',
      path: '/v1/attachments',
      access: 'write',
      summary: 'Upload a file, to refer to it in messages',
      query: z.object({ name: attachmentNameSchema.default('attachment') }),
      rawBody:
        "The file's content. Its content type is determined from it; the header Content-Type is a hint for texts",
      responses: { 201: { description: 'The attachment', schema: attachmentSchema } },
      async handle({ user, query: { name }, headers, bodyPieces }) {
        const contentType = headers.get('content-type');
        refuseForm(contentType);
        const free = uploads.take(user);
        try {
          const pieces = bodyPieces({
            maxBytes: limits.attachmentBytes,
            maxMs: LIMITS.uploadMs.value,
            silenceMs: LIMITS.uploadSilenceMs.value,
            remedy: LARGER,
          });
          const typeOf = async (head: Buffer) => await contentTypeOf(head, { name, contentType });
          const saved = await saveAttachment(db, { user, name, typeOf, limits }, notEmpty(pieces));
          return Response.json(saved, { status: 201, headers: { location: `/v1/attachments/${saved.id}` } });
        } finally {
          free();
        }
      },
    }),
    route({
      method: 'post',
      path: '/v1/attachments/move',
      access: 'operate',
      reserved: 'move the attachments of all users',
      summary: 'For operators: move the attachments of all users to another place, a few seconds at a time',
      body: attachmentMoveRequestSchema,
      responses: { 200: { description: 'What was moved; repeat it with the cursor', schema: attachmentMoveSchema } },
      async handle({ user, body: { to, cursor } }) {
        requirePlace(db, to);
        await appendAudit(db, { actor: user, action: 'attachments.move', user: null, sessionId: null, runId: null });
        const after = cursor === undefined ? null : keyIn(cursor);
        const { next, ...moved } = await moveAttachments(db, { to, after, forMs: LIMITS.attachmentMoveMs.value });
        return Response.json({ ...moved, cursor: next && cursorOf([next.user, next.id]) });
      },
    }),
    route({
      method: 'get',
      path: '/v1/attachments/{id}',
      access: 'read',
      summary: 'Download an attachment, or a range of it',
      headers: {
        Range: 'bytes=FIRST-LAST: a part of it',
        'If-None-Match': 'An ETag: 304 if it is that of the content',
      },
      responses: {
        200: { description: 'Its content', mediaType: '*/*' },
        206: { description: 'The requested range', mediaType: '*/*' },
        304: { description: 'The caller has the content already' },
      },
      async handle({ user, param, headers }) {
        const attachment = await readAttachment(db, user, param('id'));
        const key = { user, id: attachment.id };
        return await contentResponse(
          headers,
          { ...attachment, read: (range) => readContent(db, key, range) },
          { maxMs: LIMITS.uploadMs.value, onEnd: downloads.take(user) },
        );
      },
    }),
  ];
}

function keyIn(cursor: string): AttachmentKey {
  const [user = '', id = ''] = positionIn(cursor, ['string', 'string']);
  return { user: String(user), id: String(id) };
}

function refuseForm(contentType: string | null): void {
  if (!/^\s*multipart\//i.test(contentType ?? '')) return;
  throw new PerdureError(
    'unsupported_media_type',
    'The body is a form. Send the content of the file as the body, and its name as ?name=.',
  );
}

async function* notEmpty(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isEmpty = true;
  for await (const piece of pieces) {
    isEmpty &&= piece.length === 0;
    yield piece;
  }
  if (isEmpty)
    throw new PerdureError('invalid_request', 'The body is empty. Send the content of the file as the body.');
}
