import type { GatewayClient } from '../../client/http/gateway-client.ts';
import { CliError, EXIT } from './exit-codes.ts';

const FULL_ID = /^(run-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SHORT_ID = /^(run-)?[0-9a-f-]{4,35}$/;
const SHOWN = 5;

/**
 * The id of the run whose id begins or ends with `text`, in `session` or, where that is undefined, in all of the user's
 * sessions. Returns `text` itself where it is a whole id, or where no run matches. Throws when several match.
 */
export async function resolveRun(client: GatewayClient, session: string | undefined, text: string): Promise<string> {
  if (FULL_ID.test(text) || !SHORT_ID.test(text)) return text;
  const { data } = await client.listRuns({ id: text });
  const runs = data.filter(({ sessionId }) => session === undefined || sessionId === session);
  if (runs.length <= 1) return runs[0]?.id ?? text;
  const shown = runs.slice(0, SHOWN).map(({ id }) => `  ${id}`);
  throw new CliError(
    `${runs.length === data.length ? runs.length : 'Several'} runs match ${text}. Use more of the id:\n${shown.join('\n')}`,
    EXIT.usage,
  );
}
