import {
  ModelError,
  type ModelCallOptions,
  type ModelClient,
  type ModelReply,
  type ModelRequest,
} from '../../models/model-client.ts';
import type { Telemetry } from '../../telemetry/telemetry.ts';
import type { OpenSpan, SpanAttributes } from '../../telemetry/tracing.ts';

/** Makes a model call and measures it by OpenTelemetry's conventions for generative AI. Records no content. */
export function measureCall(
  telemetry: Telemetry,
  client: ModelClient,
  request: ModelRequest,
  options: ModelCallOptions,
): Promise<ModelReply> {
  const attributes = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': client.provider,
    'gen_ai.request.model': request.model,
    'gen_ai.request.stream': request.stream,
    'gen_ai.request.max_tokens': request.maxOutputTokens ?? undefined,
    'gen_ai.request.temperature': request.temperature ?? undefined,
  };
  return telemetry.tracing.span(`chat ${request.model}`, { kind: 'client', attributes }, (span) =>
    measured(telemetry, span, client, request, options),
  );
}

async function measured(
  { metrics }: Telemetry,
  span: OpenSpan,
  client: ModelClient,
  request: ModelRequest,
  options: ModelCallOptions,
): Promise<ModelReply> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1_000;
  let firstChunk: number | undefined;
  const labels = (responseModel: string) => ({
    gen_ai_operation_name: 'chat',
    gen_ai_provider_name: client.provider,
    gen_ai_request_model: request.model,
    gen_ai_response_model: responseModel,
  });
  try {
    const reply = await client.generate(request, {
      ...options,
      onDelta: (delta) => {
        firstChunk ??= seconds();
        options.onDelta(delta);
      },
    });
    const call = labels(reply.model);
    metrics.modelSeconds.record({ ...call, error_type: '' }, seconds());
    if (request.stream && firstChunk !== undefined) metrics.modelFirstChunkSeconds.record(call, firstChunk);
    const { inputTokens = null, outputTokens = null } = reply.usage ?? {};
    if (inputTokens !== null) metrics.modelTokens.record({ ...call, gen_ai_token_type: 'input' }, inputTokens);
    if (outputTokens !== null) metrics.modelTokens.record({ ...call, gen_ai_token_type: 'output' }, outputTokens);
    span.setAttributes(attributesOf(reply, firstChunk));
    return reply;
  } catch (error) {
    const type = options.signal.aborted ? 'cancelled' : error instanceof ModelError ? error.reason : 'internal';
    metrics.modelSeconds.record({ ...labels(''), error_type: type }, seconds());
    span.fail(type);
    throw error;
  }
}

function attributesOf({ model, finish, usage }: ModelReply, firstChunk: number | undefined): SpanAttributes {
  return {
    'gen_ai.response.model': model,
    'gen_ai.response.finish_reasons': [finish],
    'gen_ai.response.time_to_first_chunk': firstChunk,
    'gen_ai.usage.input_tokens': usage?.inputTokens ?? undefined,
    'gen_ai.usage.output_tokens': usage?.outputTokens ?? undefined,
    'gen_ai.usage.cache_read.input_tokens': usage?.cachedTokens ?? undefined,
    'gen_ai.usage.reasoning.output_tokens': usage?.reasoningTokens ?? undefined,
  };
}
