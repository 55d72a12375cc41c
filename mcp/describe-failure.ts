import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { NEVER_CONNECTED } from '../core/providers/never-connected.ts';
import { McpError } from './mcp-error.ts';

/** What an error of the SDK means for the connection and for the call. */
export interface Failure {
  readonly error: McpError;
  /** Whether the connection is of no further use. */
  readonly disconnects: boolean;
  /** Whether the server has certainly not begun the call. */
  readonly notBegun: boolean;
}

const MESSAGE_CHARACTERS = 1_000;

/** Describes why a server could not be connected, listed or called. The bodies of HTTP responses are not quoted: they may repeat a credential. */
export function describeFailure(name: string, thrown: unknown): Failure {
  const server = `The MCP server ${JSON.stringify(name)}`;
  const own = causeOf(thrown, (one): one is McpError => one instanceof McpError);
  if (own) return { error: own, disconnects: false, notBegun: false };
  if (thrown instanceof ProtocolError) {
    // What a server answers to a request is content for the model, as the result of a tool is.
    const message = `${server} refused the request: ${thrown.message.slice(0, MESSAGE_CHARACTERS)}`;
    return { error: new McpError(message), disconnects: false, notBegun: false };
  }
  if (thrown instanceof SdkHttpError) return ofHttp(server, thrown.status ?? 0);
  const code = codeIn(thrown);
  if (code !== null && NEVER_CONNECTED.has(code)) {
    const error = new McpError(`${server} cannot be reached (${code}).`, { retryable: true, cause: thrown });
    return { error, disconnects: true, notBegun: true };
  }
  const refused = causeOf(thrown, (one): one is Error => one instanceof Error && one.name === 'ToolError');
  if (refused) return { error: new McpError(`${server}: ${refused.message}`), disconnects: true, notBegun: true };
  if (thrown instanceof SdkError) return ofSdk(server, thrown);
  if (code === 'ENOENT' || code === 'EACCES') {
    const error = new McpError(
      `${server} cannot be started: its command was not found or may not be executed (${code}).`,
    );
    return { error, disconnects: true, notBegun: true };
  }
  const lost = new McpError(`${server} closed the connection${code === null ? '' : ` (${code})`}.`, LOST);
  return { error: lost, disconnects: true, notBegun: false };
}

const LOST = { retryable: true, mayHaveTakenEffect: true } as const;

function ofHttp(server: string, status: number): Failure {
  // A server that was started again does not know the session. Some say 404, as they should, others 400.
  if (status === 404 || status === 400) {
    const error = new McpError(`${server} does not know the address or the session (HTTP ${status}).`, {
      retryable: true,
    });
    return { error, disconnects: true, notBegun: true };
  }
  if (status === 401 || status === 403) {
    const error = new McpError(`${server} refuses the credential (HTTP ${status}). Check its headers.`);
    return { error, disconnects: true, notBegun: true };
  }
  const retryable = status === 429 || status >= 500;
  const mayHaveTakenEffect = status >= 500;
  const error = new McpError(`${server} returns HTTP ${status}.`, { retryable, mayHaveTakenEffect });
  return { error, disconnects: mayHaveTakenEffect, notBegun: false };
}

function ofSdk(server: string, thrown: SdkError): Failure {
  const { code, message } = thrown;
  switch (code) {
    case SdkErrorCode.ConnectionClosed:
      return { error: new McpError(`${server} closed the connection.`, LOST), disconnects: true, notBegun: false };
    case SdkErrorCode.NotConnected:
    case SdkErrorCode.SendFailed: {
      const error = new McpError(`${server} is not connected.`, { retryable: true });
      return { error, disconnects: true, notBegun: true };
    }
    case SdkErrorCode.RequestTimeout:
      return { error: new McpError(`${server} did not answer in time.`, LOST), disconnects: false, notBegun: false };
    case SdkErrorCode.UnsupportedResultType:
    case SdkErrorCode.CapabilityNotSupported: {
      const error = new McpError(`${server} asks for what this client does not offer, such as input of the user.`);
      return { error, disconnects: false, notBegun: false };
    }
    case SdkErrorCode.EraNegotiationFailed: {
      const root = rootOf(thrown);
      const reason =
        root === thrown
          ? 'has no version of the protocol in common with this client'
          : `cannot be reached: ${firstLine(root.message)}`;
      const error = new McpError(`${server} ${reason}.`, { retryable: true });
      return { error, disconnects: true, notBegun: true };
    }
    default: {
      const text = `${server} does not follow the protocol (${code}): ${firstLine(message)}`;
      const error = new McpError(text, { mayHaveTakenEffect: true });
      return { error, disconnects: false, notBegun: false };
    }
  }
}

/** Length of a chain of causes that is followed. */
const MAX_CAUSES = 6;

function causeOf<Found>(thrown: unknown, matches: (one: unknown) => one is Found): Found | null {
  let one = thrown;
  for (let depth = 0; depth < MAX_CAUSES && one instanceof Error; depth++) {
    if (matches(one)) return one;
    one = one.cause ?? ('data' in one && one.data instanceof Error ? one.data : undefined);
  }
  return null;
}

/** The last cause of an error. */
function rootOf(thrown: Error): Error {
  let root = thrown;
  for (let depth = 0; depth < MAX_CAUSES && root.cause instanceof Error; depth++) root = root.cause;
  return root;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}

function codeIn(thrown: unknown): string | null {
  const found = causeOf(thrown, (one): one is Error & { code: string } => {
    const code = (one as { code?: unknown }).code;
    return typeof code === 'string' && /^[A-Z][A-Z_]+$/.test(code) && !(one instanceof SdkError);
  });
  return found?.code ?? null;
}
