/** Why an MCP server could not be used. The message is for the model and for people, and contains no secret. */
export class McpError extends Error {
  override readonly name = 'McpError';
  /** Whether another attempt may succeed. */
  readonly retryable: boolean;
  /** Whether a tool was called that may have taken effect, although it has given no result. */
  readonly mayHaveTakenEffect: boolean;

  constructor(
    message: string,
    options: { readonly retryable?: boolean; readonly mayHaveTakenEffect?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryable = options.retryable ?? false;
    this.mayHaveTakenEffect = options.mayHaveTakenEffect ?? false;
  }
}
