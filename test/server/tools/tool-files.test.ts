import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { file } from '../../../agents/tool-file.ts';
import { readContent } from '../../../store/attachments/attachment-content.ts';
import { readAttachment } from '../../../store/attachments/read-attachments.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const CSV = 'city,population\nParis,2100000\n';

test.each([
  ['in place', true],
  ['in an activity of its own', false],
])(
  'a tool that runs %s returns a file, which is an attachment of the session and goes with it',
  async (_where, idempotent) => {
    let attempts = 0;
    const table = defineTool({
      name: 'table',
      description: 'Makes a table.',
      parameters: z.object({}),
      idempotent,
      retry: { maxAttempts: 2, initialIntervalMs: 1 },
      execute: () => {
        attempts += 1;
        if (idempotent && attempts === 1) throw new Error('once more');
        return { table: file({ data: CSV, name: 'table.csv' }) };
      },
    });
    const agents = [{ name: 'assistant', tools: ['table'] }];
    const call = { toolCalls: [{ callId: 'c1', tool: 'table', arguments: {}, malformed: null }] };
    await using stack = await startStack({
      temporal: await testTemporal(),
      agents,
      tools: [table],
      model: ({ messages }) => messages.findLast(({ role }) => role === 'tool')?.content ?? call,
    });
    const { db } = stack;
    const key = stack.key();
    await stack.sender.submit(key, { content: 'A table, please.' });
    const events = await stack.ended(key);
    const completed = events.find((event) => event.type === 'tool.completed');
    const [id = ''] = completed?.attachments ?? [];
    const reference = { attachmentId: id, name: 'table.csv', contentType: 'text/csv', size: CSV.length };
    expect(completed?.result).toEqual({ table: reference });
    expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: JSON.stringify({ table: reference }) });
    const { size } = await readAttachment(db, key.user, id);
    const chunks: Buffer[] = [];
    for await (const chunk of readContent(db, { user: key.user, id }, { start: 0, end: size })) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(CSV);
    const history = JSON.stringify(await stack.client.workflow.getHandle(workflowIdOf(key)).fetchHistory());
    expect(history).not.toContain('2100000');
    await deleteSession(db, key);
    await expect(readAttachment(db, key.user, id)).rejects.toMatchObject({ code: 'not_found' });
  },
);
