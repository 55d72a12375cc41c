/** The attributes of a span. There is none for a user, for content or for a secret. */
export interface SpanAttributes {
  readonly 'gen_ai.operation.name'?: string | undefined;
  readonly 'gen_ai.provider.name'?: string | undefined;
  readonly 'gen_ai.request.model'?: string | undefined;
  readonly 'gen_ai.response.model'?: string | undefined;
  readonly 'gen_ai.request.stream'?: boolean | undefined;
  readonly 'gen_ai.request.max_tokens'?: number | undefined;
  readonly 'gen_ai.request.temperature'?: number | undefined;
  readonly 'gen_ai.response.finish_reasons'?: readonly string[] | undefined;
  readonly 'gen_ai.response.time_to_first_chunk'?: number | undefined;
  readonly 'gen_ai.usage.input_tokens'?: number | undefined;
  readonly 'gen_ai.usage.output_tokens'?: number | undefined;
  readonly 'gen_ai.usage.cache_read.input_tokens'?: number | undefined;
  readonly 'gen_ai.usage.reasoning.output_tokens'?: number | undefined;
  readonly 'gen_ai.agent.name'?: string | undefined;
  /** The session's id within its user. */
  readonly 'gen_ai.conversation.id'?: string | undefined;
  readonly 'gen_ai.tool.name'?: string | undefined;
  readonly 'error.type'?: string | undefined;
  readonly 'http.request.method'?: string | undefined;
  readonly 'http.route'?: string | undefined;
  readonly 'http.response.status_code'?: number | undefined;
  readonly 'perdure.request.id'?: string | undefined;
  readonly 'perdure.run.id'?: string | undefined;
  readonly 'perdure.step'?: number | undefined;
  readonly 'perdure.attempt'?: number | undefined;
}

/** A span that has not ended. */
export interface OpenSpan {
  setAttributes(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** Marks the span as failed, without an exception. */
  fail(type: string): void;
}

export interface SpanOptions {
  readonly kind: 'server' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
  /** The W3C `traceparent` of a remote parent. Default: the active span. */
  readonly parent?: string | null | undefined;
}

/** The tracer of a process. */
export interface Tracing {
  /** Whether spans are recorded. */
  readonly on: boolean;
  /** Runs `work` in a span. If it throws, the span fails with the error's code, without its message. */
  span<T>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** Runs `work` with a remote parent, a W3C `traceparent`, but without a span of its own. */
  within<T>(parent: string | null | undefined, work: () => Promise<T>): Promise<T>;
  /** The active span; {@link NO_SPAN} if there is none. */
  activeSpan(): OpenSpan;
  /** The id of the active trace, if it is recorded. */
  readonly traceId: () => string | undefined;
  /** The `traceparent` of the active span, to propagate. */
  traceparent(): string | undefined;
  /** Exports the remaining spans. Never rejects. */
  close(): Promise<void>;
}

/** A span that records nothing. */
export const NO_SPAN: OpenSpan = { setAttributes: () => {}, rename: () => {}, fail: () => {} };

/** A tracer that records and loads nothing. */
export const NO_TRACING: Tracing = {
  on: false,
  span: (_name, _options, work) => work(NO_SPAN),
  within: (_parent, work) => work(),
  activeSpan: () => NO_SPAN,
  traceId: () => undefined,
  traceparent: () => undefined,
  close: async () => {},
};
