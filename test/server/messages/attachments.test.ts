import { expect, onTestFinished, test } from 'vitest';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import type { Deployment } from '../../../contracts/deployment.ts';
import type { MessageInput } from '../../../contracts/session/message.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import { contentTypeOf } from '../../../core/attachments/content-type.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { PDF, PNG } from '../../support/files.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const imageUrl = `data:image/png;base64,${PNG.toString('base64')}`;
const pdfUrl = `data:application/pdf;base64,${PDF.toString('base64')}`;

const unchanged = defineMiddleware({ name: 'unchanged', model: async (_, next) => await next() });

async function start(create: typeof createOpenAIChatClient) {
  const stub = await startStubModelServer();
  onTestFinished(() => stub.close());
  stub.behave(() => ({ text: 'Seen.' }));
  const client = create({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: null });
  const model = { defaultModel: 'stub/stub-model', resolve: () => ({ client, model: 'stub-model' }) };
  const deployment: Deployment = { providers: { stub: { accepts: ['image', 'file'] } } };
  const agents = [{ name: 'assistant' }, { name: 'hooked', middleware: ['unchanged'] }];
  const stack = await startStack({
    temporal: await testTemporal(),
    model,
    deployment,
    agents,
    middleware: [unchanged],
  });
  return { stub, stack };
}

async function save({ db }: Stack, { user }: SessionKey, name: string, content: Buffer): Promise<string> {
  const typeOf = async (head: Buffer) => await contentTypeOf(head, { name });
  return (await saveAttachment(db, { user, name, typeOf, limits: storageLimits() }, [content])).id;
}

test.each([
  [
    'Chat Completions',
    createOpenAIChatClient,
    'messages',
    [
      { type: 'text', text: 'Look:' },
      { type: 'image_url', image_url: { url: imageUrl } },
      { type: 'file', file: { filename: 'a.pdf', file_data: pdfUrl } },
      { type: 'text', text: 'File "notes.txt":\nDear diary' },
      { type: 'text', text: 'numbers:\n{"a":1}' },
    ],
  ],
  [
    'Responses',
    createOpenAIResponsesClient,
    'input',
    [
      { type: 'input_text', text: 'Look:' },
      { type: 'input_image', image_url: imageUrl, detail: 'auto' },
      { type: 'input_file', filename: 'a.pdf', file_data: pdfUrl },
      { type: 'input_text', text: 'File "notes.txt":\nDear diary' },
      { type: 'input_text', text: 'numbers:\n{"a":1}' },
    ],
  ],
])(
  'through %s, the model gets images, files and texts in its own form, and the history has none of them',
  async (_api, create, field, parts) => {
    const { stub, stack } = await start(create);
    await using _stack = stack;
    const key = stack.key();
    const [image, pdf, notes] = [
      await save(stack, key, 'dot.png', PNG),
      await save(stack, key, 'a.pdf', PDF),
      await save(stack, key, 'notes.txt', Buffer.from('Dear diary')),
    ];
    const content: MessageInput['content'] = [
      { type: 'text', text: 'Look:' },
      { type: 'image', attachmentId: image },
      { type: 'file', attachmentId: pdf },
      { type: 'file', attachmentId: notes },
      { type: 'data', name: 'numbers', data: { a: 1 } },
    ];
    await stack.sender.submit(key, { content });
    const events = await stack.ended(key);
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'Seen.' });
    const given = (request: number) => (stub.requests[request]?.body[field] as unknown[] | undefined)?.at(-1);
    expect(given(0)).toEqual({ role: 'user', content: parts });
    const hooked = { ...key, session: 'hooked' };
    await stack.sender.submit(hooked, { content, agent: 'hooked' });
    await stack.ended(hooked);
    expect(given(1)).toEqual({ role: 'user', content: parts });
    const history = JSON.stringify(await stack.client.workflow.getHandle(workflowIdOf(key)).fetchHistory());
    expect(history).not.toContain('Dear diary');
    expect(history).not.toContain(Buffer.from('Dear diary').toString('base64'));
  },
);
