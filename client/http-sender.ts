import { cancelRunSchema, endSessionSchema, resumeRunSchema } from '../contracts/session/commands.ts';
import type { CancelledRun } from '../contracts/session/commands.ts';
import { PerdureError, type ErrorCode } from '../contracts/errors.ts';
import { approvalAnswerSchema, clientAnswerSchema } from '../contracts/session/inbox-item.ts';
import { sessionKey, type SessionKey } from '../contracts/session/session-key.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import { retryUnreachable } from './http/retry-unreachable.ts';
import { checkInput, checkMessage, checkOpen, checkUpdate } from './temporal/check-input.ts';
import type { SessionSender } from './temporal/session-sender.ts';
import { withMessageId } from './temporal/with-message-id.ts';

const NOTHING_TO_STOP: ReadonlySet<ErrorCode> = new Set(['not_found', 'session_archived']);

/**
 * Sends over HTTP. `gatewayOf` is called with the user of each key. Messages have an id before they are sent, so a
 * request whose connection failed is repeated; other requests are not.
 */
export function createHttpSender(gatewayOf: (user: string) => GatewayClient): SessionSender {
  const clientFor = (key: SessionKey): GatewayClient => gatewayOf(sessionKey(key.user, key.session).user);

  const submit: SessionSender['submit'] = async (key, input) => {
    const message = withMessageId(checkMessage(input));
    const gateway = clientFor(key);
    return await retryUnreachable(() => gateway.send(key.session, message));
  };

  return {
    async open(key, input) {
      const { created } = await clientFor(key).open(key.session, checkOpen(input));
      return { created };
    },
    submit,
    async submitRun(key, input) {
      const message = withMessageId(checkMessage(input));
      const gateway = clientFor(key);
      return await retryUnreachable(() => gateway.startRun(message));
    },
    signal: async (key, input) => (await submit(key, input)).messageId,
    async update(key, input) {
      await clientFor(key).update(key.session, checkUpdate(input));
    },
    async cancel(key, input) {
      const { runId } = checkInput(cancelRunSchema, input, 'cancel');
      const gateway = clientFor(key);
      return await orNoRun(async () => {
        const target = runId ?? (await gateway.snapshot(key.session)).currentRun?.id;
        return target === undefined ? { runId: null } : await gateway.cancel(key.session, target);
      });
    },
    async cancelRun(key, input) {
      const { runId = key.session } = checkInput(cancelRunSchema, input, 'cancel');
      const gateway = clientFor(key);
      return runId === key.session ? await orNoRun(() => gateway.cancelOneOff(runId)) : { runId: null };
    },
    async resume(key, input) {
      const { runId } = checkInput(resumeRunSchema, input, 'resume');
      await clientFor(key).resume(key.session, runId);
    },
    async answerApproval(key, itemId, input) {
      await clientFor(key).answerApproval(key.session, itemId, checkInput(approvalAnswerSchema, input, 'answer'));
    },
    async answerClientCall(key, itemId, input) {
      await clientFor(key).answerClientCall(key.session, itemId, checkInput(clientAnswerSchema, input, 'answer'));
    },
    async end(key, input) {
      await clientFor(key).end(key.session, checkInput(endSessionSchema, input, 'end'));
    },
  };
}

/** A session or run that does not exist, or is archived, has no run to stop. */
async function orNoRun(cancel: () => Promise<CancelledRun>): Promise<CancelledRun> {
  try {
    return await cancel();
  } catch (error) {
    if (error instanceof PerdureError && NOTHING_TO_STOP.has(error.code)) return { runId: null };
    throw error;
  }
}
