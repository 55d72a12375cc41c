import { ModelError, type ModelClient, type ModelRequest } from '../model-client.ts';
import { performReply, type ScriptedReply } from './scripted-reply.ts';

export interface ScriptedOptions {
  /** The replies in order, or a function of the request and of the number of calls before it. Undefined: none left. */
  readonly replies: readonly ScriptedReply[] | ((request: ModelRequest, call: number) => ScriptedReply | undefined);
  /** Default `scripted`. */
  readonly provider?: string;
}

/** A model for tests that says what it is told to. */
export interface ScriptedClient extends ModelClient {
  /** Every request so far, in order. */
  readonly requests: readonly ModelRequest[];
}

/** A {@link ScriptedClient}. A call that finds no reply left rejects with a ModelError that is never retried. */
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
