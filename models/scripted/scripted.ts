import { ModelError, type ModelClient, type ModelRequest } from '../model-client.ts';
import { performReply, type ScriptedReply } from './scripted-reply.ts';

export interface ScriptedOptions {
  /** The replies in order, or a function of the request and the number of earlier calls. Undefined: no reply is left. */
  readonly replies: readonly ScriptedReply[] | ((request: ModelRequest, call: number) => ScriptedReply | undefined);
  /** Default `scripted`. */
  readonly provider?: string;
}

/** A model client for tests with fixed replies. */
export interface ScriptedClient extends ModelClient {
  /** All requests, in order. */
  readonly requests: readonly ModelRequest[];
}

/** Creates a {@link ScriptedClient}. Without a reply left, a call rejects with a ModelError that is not retryable. */
export function createScriptedClient({ replies, provider = 'scripted' }: ScriptedOptions): ScriptedClient {
  const requests: ModelRequest[] = [];
  return {
    provider,
    requests,
    generate: async (request, options) => {
      options.signal.throwIfAborted();
      const call = requests.length;
      requests.push(request);
      const reply = typeof replies === 'function' ? replies(request, call) : replies[call];
      if (!reply) {
        throw new ModelError(
          'invalid_request',
          `The scripted model has no reply for call ${call + 1}. Script one more.`,
          {
            retryable: false,
          },
        );
      }
      return performReply({ provider, request, reply }, options);
    },
  };
}
