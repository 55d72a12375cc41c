import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/define-agent.ts';
import { createWorker } from '../../worker/create-worker.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test.each([
  {
    what: 'the model of the agent',
    agent: { model: 'openai/chat-only' },
    model: 'openai-responses/x',
    named: 'openai/chat-only',
  },
  {
    what: 'a fallback model',
    agent: { model: ['openai-responses/x', 'openai/chat-only'] },
    model: 'openai-responses/x',
    named: 'openai/chat-only',
  },
  { what: 'the default model', agent: {}, model: 'openai/chat-only', named: 'openai/chat-only' },
])(
  'a worker with history: service does not start if $what is one whose provider keeps no conversations',
  async ({ agent, model, named }) => {
    const starting = createWorker({
      dataDir: await temporaryFolder(),
      agents: [defineAgent({ name: 'kept', history: 'service', ...agent })],
      models: { model },
    });

    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow(`keep no conversations: "kept" (${named}). Use models of openai-responses`);
  },
  60_000,
);
