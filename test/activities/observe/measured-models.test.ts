import { expect, test } from 'vitest';
import { measuredModels } from '../../../activities/observe/measured-models.ts';
import type { ModelCallOptions, ModelClient } from '../../../models/model-client.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { modelRequest } from '../../support/models/model-requests.ts';

test('a measured client is called with every option', async () => {
  const calls: ModelCallOptions[] = [];
  const client: ModelClient = {
    provider: 'stub',
    generate: (_request, options) => {
      calls.push(options);
      return Promise.resolve({ text: 'ok', reasoning: '', toolCalls: [], finish: 'stop', usage: null, model: 'one' });
    },
  };
  const models = { defaultModel: 'stub/one', resolve: () => ({ client, model: 'one' }) };
  const measured = measuredModels(models, createTelemetry()).resolve('stub/one').client;
  const { signal } = new AbortController();
  await measured.generate(modelRequest(), { signal, silenceMs: 1_234, onDelta: () => {} });

  expect(calls).toMatchObject([{ signal, silenceMs: 1_234 }]);
  expect(measured).toMatchObject({ provider: 'stub' });
});
