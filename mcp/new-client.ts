import { Client, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/client';
import { packageVersion } from '../assets/package-files.ts';
import { McpError } from './mcp-error.ts';
import { questionIn, type McpAnswer, type McpQuestion } from './elicitation.ts';

export interface ClientHooks {
  readonly onListChanged: () => void;
  /** Answers a question of the server. Null: the client does not offer to ask the user. */
  readonly onQuestion: ((question: McpQuestion, signal: AbortSignal) => Promise<McpAnswer>) | null;
}

/** A client that asks for both generations of the protocol. It offers forms for the user at most, and no sampling. */
export function newClient({ onListChanged, onQuestion }: ClientHooks): Client {
  const client = new Client(
    { name: 'perdure', version: packageVersion() },
    {
      capabilities: onQuestion ? { elicitation: { form: {} } } : {},
      versionNegotiation: { mode: 'auto' },
      // Questions at the end of a call are answered by another call, maybe in days.
      inputRequired: { autoFulfill: false },
      // Schemas of servers are not compiled: some take for ever. Results are not checked against them.
      jsonSchemaValidator: {
        getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }),
      },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: onListChanged } },
    },
  );
  if (onQuestion) {
    client.setRequestHandler('elicitation/create', async ({ params }, { mcpReq }) => {
      try {
        return (await onQuestion(questionIn(params), mcpReq.signal)) as never;
      } catch (error) {
        // The server is told what is wrong with its question, and nothing else.
        if (error instanceof McpError) throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message);
        return { action: 'cancel' };
      }
    });
  }
  return client;
}
