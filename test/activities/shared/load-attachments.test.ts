import { expect, test } from 'vitest';
import { loadAttachments } from '../../../activities/shared/load-attachments.ts';
import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { ModelAttachment, ModelPart, ModelRequest } from '../../../models/model-client.ts';
import { estimateInputTokens } from '../../../models/estimate-tokens.ts';
import { worstCase } from '../../../models/worst-case.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import { functionModels } from '../../../testing/function-models.ts';
import { PNG } from '../../support/files.ts';
import { registry } from '../../support/stack.ts';
import { embeddedDatabase } from '../../support/store/databases.ts';
import { modelRequest } from '../../support/models/model-requests.ts';

const database = embeddedDatabase();

async function save(name: string, contentType: string, content: Buffer): Promise<ModelAttachment> {
  const saved = await saveAttachment(
    database.db,
    {
      user: 'ann',
      name,
      typeOf: async () => contentType,
      limits: storageLimits(),
    },
    [content],
  );
  return { type: 'attachment', attachmentId: saved.id, name, contentType, size: saved.size, isOfRun: true };
}

function requestOf(...parts: readonly ModelPart[]): ModelRequest {
  return modelRequest({ model: 'small', instructions: '', messages: [{ role: 'user', content: '', parts }] });
}

async function loaded(model: string, ...parts: readonly ModelPart[]): Promise<readonly ModelPart[]> {
  const deps = {
    db: database.db,
    deployment: { providers: { local: { accepts: { sees: ['image' as const] } } } },
    agents: registry([{ name: 'assistant', model: 'openai/gpt-5' }], []),
    models: functionModels(() => ''),
  };
  const { messages } = await loadAttachments(deps, 'ann', model, requestOf(...parts));
  const [message] = messages;
  return message && 'parts' in message ? (message.parts ?? []) : [];
}

test('an image of the run that the model does not accept fails the call before it is made, and the error names models that accept it', async () => {
  const image = await save('dot.png', 'image/png', PNG);
  await expect(loaded('local/blind', image)).rejects.toMatchObject({
    reason: 'unsupported_content',
    retryable: false,
    mayCost: false,
    message: expect.stringContaining('openai/gpt-5') as string,
  });
  expect(await loaded('local/sees', image)).toEqual([
    { type: 'image', name: 'dot.png', contentType: 'image/png', size: PNG.length, base64: PNG.toString('base64') },
  ]);
});

test('an image of an earlier run that the model does not accept is left out with a note', async () => {
  const image = { ...(await save('dot.png', 'image/png', PNG)), isOfRun: false };
  const [part] = await loaded('local/blind', image);
  expect(part).toEqual({
    type: 'text',
    text: '[The file "dot.png" (image/png) is left out: this model does not accept it.]',
  });
});

test('a text is given to every model, and a long one is cut between characters', async () => {
  const [short] = await loaded('local/blind', await save('a.txt', 'text/plain', Buffer.from('hello')));
  expect(short).toEqual({ type: 'text', text: 'File "a.txt":\nhello' });
  const limit = LIMITS.textFileBytes.value;
  const long = Buffer.from(`${'a'.repeat(limit - 1)}€${'b'.repeat(1_000)}`);
  const [cut] = await loaded('local/blind', await save('b.txt', 'text/plain', long));
  expect(cut).toMatchObject({ type: 'text' });
  const { text } = cut as { readonly text: string };
  expect(text.endsWith(`a\n[Cut: the first ${limit} of ${long.length} bytes.]`)).toBe(true);
});

test('an attachment that was removed, and one of another user, are not available', async () => {
  const gone = { ...(await save('a.txt', 'text/plain', Buffer.from('x'))), attachmentId: 'att_gone' };
  expect(await loaded('local/blind', gone)).toEqual([
    { type: 'text', text: '[The file "a.txt" (text/plain) is not available any more.]' },
  ]);
});

test('where the attachments are too many for a call, the newest are sent', async () => {
  const newest = await save('new.png', 'image/png', PNG);
  const large = { ...newest, name: 'large.png', size: LIMITS.callAttachmentBytes.value };
  const parts = await loaded('local/sees', { ...newest, name: 'old.png' }, large, newest);
  expect(parts.map((part) => part.type)).toEqual(['text', 'text', 'image']);
  expect(parts[1]).toMatchObject({ text: expect.stringContaining('"large.png"') as string });
  expect(parts[1]).toMatchObject({ text: expect.stringContaining('newer ones fill the context') as string });
});

test('the estimates of an image do not depend on the bytes of its content', async () => {
  const large = await save('a.png', 'image/png', Buffer.alloc(1024 * 1024));
  const request = requestOf(...(await loaded('local/sees', large)));
  expect(estimateInputTokens(request)).toBe(1_504);
  expect(worstCase({ ...request, maxOutputTokens: 1 }, null).inputTokens).toBeLessThan(51_000);
});

test('the contents of a conversation are read from the store once, and not after the attachment is removed', async () => {
  const files = [await save('kept.txt', 'text/plain', Buffer.from('Kept.')), await save('kept.png', 'image/png', PNG)];
  const first = await loaded('local/sees', ...files);
  await database.db.query(`DELETE FROM perdure.attachment_chunks`);
  expect(await loaded('local/sees', ...files)).toEqual(first);
  await database.db.query(`DELETE FROM perdure.attachments`);
  expect(await loaded('local/sees', ...files)).toEqual([
    { type: 'text', text: '[The file "kept.txt" (text/plain) is not available any more.]' },
    { type: 'text', text: '[The file "kept.png" (image/png) is not available any more.]' },
  ]);
});

test('what the store has only a part of is not kept', async () => {
  const file = await save('part.txt', 'text/plain', Buffer.from('A part.'));
  await database.db.query(`UPDATE perdure.attachment_chunks SET data = 'A' WHERE attachment_id = $1`, [
    file.attachmentId,
  ]);
  expect(await loaded('local/sees', file)).toMatchObject([
    { text: expect.stringContaining('not available') as string },
  ]);
  await database.db.query(`UPDATE perdure.attachment_chunks SET data = 'A part.' WHERE attachment_id = $1`, [
    file.attachmentId,
  ]);
  expect(await loaded('local/sees', file)).toEqual([{ type: 'text', text: 'File "part.txt":\nA part.' }]);
});
