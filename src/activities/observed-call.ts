import {
  ModelError,
  type ModelCallOptions,
  type ModelClient,
  type ModelReply,
  type ModelRequest,
} from '../models/model-client.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/** One model call, measured as OpenTelemetry's conventions for generative AI say. What was said leaves no trace in it. */
export async function observedCall(
  telemetry: Telemetry,
  client: ModelClient,
  request: ModelRequest,
  { signal, onDelta }: ModelCallOptions,
): Promise<ModelReply> {
  const { metrics } = telemetry;
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  let firstChunk: number | undefined;
  const labels = (responseModel: string) => ({
    gen_ai_operation_name: 'chat',
    gen_ai_provider_name: client.provider,
    gen_ai_request_model: request.model,
    gen_ai_response_model: responseModel,
  });
  try {
    const reply = await client.generate(request, {
      signal,
      onDelta: (delta) => {
        firstChunk ??= seconds();
        onDelta(delta);
      },
    });
    const call = labels(reply.model);
    metrics.modelSeconds.record({ ...call, error_type: '' }, seconds());
    if (request.stream && firstChunk !== undefined) metrics.modelFirstChunkSeconds.record(call, firstChunk);
    const { inputTokens = null, outputTokens = null } = reply.usage ?? {};
    if (inputTokens !== null) metrics.modelTokens.record({ ...call, gen_ai_token_type: 'input' }, inputTokens);
    if (outputTokens !== null) metrics.modelTokens.record({ ...call, gen_ai_token_type: 'output' }, outputTokens);
    return reply;
  } catch (error) {
    const type = signal.aborted ? 'cancelled' : error instanceof ModelError ? error.reason : 'internal';
    metrics.modelSeconds.record({ ...labels(''), error_type: type }, seconds());
    throw error;
  }
}
