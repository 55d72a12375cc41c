/** What a span may say. There is no attribute for a user, for content or for a secret. */
export interface SpanFacts {
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

/** A span that is open. */
export interface OpenSpan {
  /** Facts that came to be known meanwhile. */
  tell(facts: SpanFacts): void;
  rename(name: string): void;
  /** It ends as failed; for a failure that is no exception. */
  fail(type: string): void;
}

export interface SpanOptions {
  readonly kind: 'server' | 'client' | 'internal';
  readonly facts?: SpanFacts;
  /** A W3C `traceparent` from elsewhere. Default: the span that is going here. */
  readonly parent?: string | null | undefined;
}

/** Spans of a process. */
export interface Tracing {
  /** Whether spans go anywhere. What is only for them need not be done otherwise. */
  readonly on: boolean;
  /** Does the work in a span; one that throws ends as failed, with the error's code and without its words. */
  span<T>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** The span that is going; one that says nothing where none is. */
  here(): OpenSpan;
  /** The trace that is going, if it is recorded. */
  readonly traceId: () => string | undefined;
  /** Of the span that is going, for whoever is called from it. */
  traceparent(): string | undefined;
  /** Sends what was recorded. Never rejects. */
  close(): Promise<void>;
}

/** A span that says nothing. */
export const NO_SPAN: OpenSpan = { tell: () => {}, rename: () => {}, fail: () => {} };

/** Nothing is recorded, nothing is sent, nothing is loaded. */
export const NO_TRACING: Tracing = {
  on: false,
  span: (_name, _options, work) => work(NO_SPAN),
  here: () => NO_SPAN,
  traceId: () => undefined,
  traceparent: () => undefined,
  close: async () => {},
};
