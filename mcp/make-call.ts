import { isInputRequiredResult, type CallToolResult, type Client } from '@modelcontextprotocol/client';
import type { JsonObject } from '../contracts/json.ts';
import {
  inputRequiredIn,
  type InputRequired,
  type McpAnswer,
  type McpAnswers,
  type McpQuestion,
} from './elicitation.ts';
import { McpError } from './mcp-error.ts';
import { StreamWatch, watchedCall } from './stream-watch.ts';

/** A request has no timeout before that of its call, which has ended it. */
const SLACK_MS = 1_000;

/** A call of a tool. */
export interface McpCall {
  /** The name that the server has given to the tool. */
  readonly tool: string;
  readonly arguments: JsonObject;
  /** JSON Schema of the arguments. */
  readonly parameters: JsonObject;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: McpProgress) => void;
  /** Present if the server may ask the user in the middle of the call. */
  readonly asking?: McpAsking;
}

export interface McpProgress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** How a server asks the user in the middle of a call. */
export interface McpAsking {
  /** The user of the call. Questions over an open connection have no other sign of whom they are for. */
  readonly user: string;
  /** How long the questions of the call may wait over an open connection, in ms: no connection ends before. */
  readonly waitMs: number;
  /** Answers a question over the open connection. The signal is aborted when the server no longer waits for the answer. */
  readonly ask: (question: McpQuestion, signal: AbortSignal) => Promise<McpAnswer>;
  /** The answers to the questions with which the call has ended before. Null for a call that is made for the first time. */
  readonly answers: McpAnswers | null;
}

/** How a call has ended on its server. */
export type McpCallEnd = { readonly result: CallToolResult } | { readonly asks: InputRequired };

/** Makes a call over an open connection. `onLost`: the connection does not bring the result. Throws what the client throws, or an {@link McpError}. */
export async function makeCall(server: string, client: Client, call: McpCall, onLost: () => void): Promise<McpCallEnd> {
  const { tool: name, parameters, timeoutMs, onProgress, asking } = call;
  using watch = new StreamWatch();
  const stop = new AbortController();
  const onStop = (): void => stop.abort(new DOMException('The call was cancelled.', 'AbortError'));
  call.signal.addEventListener('abort', onStop, { once: true });
  try {
    const result = watchedCall.run(watch, () =>
      client.callTool(
        { name, arguments: call.arguments, ...answersIn(asking) },
        {
          // Instead of the list that the client would request to find out about headers.
          toolDefinition: { name, inputSchema: { ...parameters, type: 'object' } },
          timeout: timeoutMs + (asking?.waitMs ?? 0) + SLACK_MS,
          signal: stop.signal,
          onprogress: onProgress,
          ...(asking ? { allowInputRequired: true } : {}),
        },
      ),
    );
    result.catch(() => {});
    const lost = watch.lost.then(() => {
      throw new McpError(`The MCP server ${JSON.stringify(server)} closed the connection during the call.`, {
        retryable: true,
        mayHaveTakenEffect: true,
      });
    });
    lost.catch(onLost);
    const returned = await Promise.race([result, lost]);
    return isInputRequiredResult(returned) ? { asks: inputRequiredIn(returned) } : { result: returned };
  } finally {
    onStop();
    call.signal.removeEventListener('abort', onStop);
  }
}

function answersIn(asking: McpAsking | undefined): object {
  if (!asking?.answers) return {};
  const { answers, state } = asking.answers;
  return {
    ...(Object.keys(answers).length === 0 ? {} : { inputResponses: answers }),
    ...(state === null ? {} : { requestState: state }),
  };
}
