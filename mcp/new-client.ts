import { Client } from '@modelcontextprotocol/client';
import { packageVersion } from '../assets/package-files.ts';

/** A client that asks for both generations of the protocol, and offers nothing: neither sampling nor elicitation. */
export function newClient(onListChanged: () => void): Client {
  return new Client(
    { name: 'perdure', version: packageVersion() },
    {
      versionNegotiation: { mode: 'auto' },
      // Schemas of servers are not compiled: some take for ever. Results are not checked against them.
      jsonSchemaValidator: {
        getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }),
      },
      listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: onListChanged } },
    },
  );
}
