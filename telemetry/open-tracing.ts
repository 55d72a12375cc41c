import { NO_TRACING, type Tracing } from './tracing.ts';

/**
 * Traces over OTLP/HTTP if `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set; otherwise
 * {@link NO_TRACING}. OpenTelemetry's exporter reads its other variables (headers, timeout, …) itself.
 */
export async function openTracing(env: NodeJS.ProcessEnv): Promise<Tracing> {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!endpoint || env['OTEL_SDK_DISABLED'] === 'true') return NO_TRACING;
  const { otlpTracing } = await import('./otlp-tracing.ts');
  return otlpTracing({
    serviceName: env['OTEL_SERVICE_NAME'] || 'perdure',
    share: shareOf(env['OTEL_TRACES_SAMPLER_ARG']),
  });
}

function shareOf(given: string | undefined): number {
  const share = Number(given || 1);
  return share >= 0 && share <= 1 ? share : 1;
}
