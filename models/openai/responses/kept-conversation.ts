import { z } from 'zod';
import { LIMITS } from '../../../contracts/limits.ts';
import { ModelError, type ConversationRef, type KeptConversation, type ModelReply } from '../../model-client.ts';
import type { PartialCall } from '../../reply-builder.ts';
import type { ProviderCall } from '../call-provider.ts';
import { parseResponse } from '../parse-response.ts';
import { deleteFrom, getFrom, postTo } from '../post-request.ts';
import type { Connection } from '../provider-endpoint.ts';
import { readResponse, type ReplyReader } from '../read-response.ts';
import type { ResponsesBody } from './responses-schema.ts';
import { optionalId } from '../tolerant.ts';

/** The fields of a Responses request that continue a conversation. Without one, the provider stores nothing. */
export type ConversationFields =
  | { readonly store: false }
  | { readonly store: true; readonly previous_response_id?: string; readonly conversation?: string };

/** Chooses how a request continues its conversation; creates one at a provider that has conversations. Rejects with `conversation_unsettled`. */
export async function continueConversation(
  connection: Connection,
  conversation: KeptConversation | undefined,
  model: string,
  call: ProviderCall,
): Promise<ConversationFields> {
  if (!conversation) return { store: false };
  const { previous, verify } = conversation;
  if (previous?.kind === 'response') return { store: true, previous_response_id: previous.id };
  if (previous) {
    if (verify) await checkLastItem(connection, previous, model, call);
    return { store: true, conversation: previous.id };
  }
  return connection.conversations
    ? { store: true, conversation: await createConversation(connection, model, call) }
    : { store: true };
}

async function createConversation(connection: Connection, model: string, call: ProviderCall): Promise<string> {
  const response = await postTo(connection, '/conversations', { body: {}, model, signal: call.signal });
  const { id } = await read(connection, response, z.object({ id: z.string() }), call);
  return id;
}

/** A call whose outcome was lost, or that was stopped, may have added a reply to the conversation that was not committed. */
async function checkLastItem(
  connection: Connection,
  { id, lastItem }: ConversationRef,
  model: string,
  call: ProviderCall,
): Promise<void> {
  const path = `/conversations/${encodeURIComponent(id)}/items?order=desc&limit=1`;
  const response = await getFrom(connection, path, { model, signal: call.signal }).catch((error: unknown) => {
    throw asLost(error, { store: true, conversation: id }, connection.provider);
  });
  const { data } = await read(connection, response, z.object({ data: z.array(z.object({ id: optionalId })) }), call);
  if (lastItem !== undefined && data[0]?.id === lastItem) return;
  throw new ModelError(
    'conversation_unsettled',
    `The conversation at the provider ${connection.provider} does not end with the last committed reply.`,
    { retryable: false, unsent: true },
  );
}

/** Deletes a conversation, or a stored response. Resolves with false if the provider does not have it. */
export async function deleteKept(
  connection: Connection,
  { kind, id }: Pick<ConversationRef, 'kind' | 'id'>,
  model: string,
  call: ProviderCall,
): Promise<boolean> {
  const path = `/${kind === 'conversation' ? 'conversations' : 'responses'}/${encodeURIComponent(id)}`;
  try {
    await deleteFrom(connection, path, { model, signal: call.signal });
    return true;
  } catch (error) {
    if (error instanceof ModelError && (error.httpStatus === 404 || error.httpStatus === 410)) return false;
    throw error;
  }
}

async function read<T extends z.ZodType>(
  connection: Connection,
  response: Response,
  schema: T,
  call: ProviderCall,
): Promise<z.infer<T>> {
  let document: unknown = null;
  const reader: ReplyReader = { take: () => {}, takeWhole: (whole) => void (document = whole), ended: false };
  await readResponse(connection, response, reader, call);
  return parseResponse(connection.provider, schema, document);
}

/**
 * Where the provider keeps the conversation after a response. Undefined if it has no usable id, or if a call of it cannot be
 * answered by the id that the provider knows. `calls` have the ids that it sent.
 */
export function conversationAfter(
  { id, conversation, output, status }: ResponsesBody,
  fields: ConversationFields,
  { toolCalls }: ModelReply,
  calls: readonly Pick<PartialCall, 'callId'>[],
): ConversationRef | undefined {
  const known = new Set(calls.map(({ callId }) => callId));
  const answerable =
    toolCalls.length === 0 || (status === 'completed' && toolCalls.every(({ callId }) => known.has(callId)));
  if (!fields.store || !answerable) return undefined;
  const named = typeof conversation === 'string' ? conversation : conversation?.id;
  const at = named ?? fields.conversation;
  if (at !== undefined && at !== null) {
    const lastItem = output?.at(-1)?.id;
    return isUsable(at) ? { kind: 'conversation', id: at, ...(isUsable(lastItem) ? { lastItem } : {}) } : undefined;
  }
  return isUsable(id) ? { kind: 'response', id } : undefined;
}

function isUsable(id: string | null | undefined): id is string {
  return typeof id === 'string' && id !== '' && id.length <= LIMITS.providerConversationIdCharacters.value;
}

const LOCKED_OR_UNSUPPORTED = /locked|unsupported|unknown_parameter|model/i;
const LOST = /(?:previous_response|response|conversation)_(?:not_found|expired|deleted)/i;
const SAYS_LOST =
  /previous[_ ]response|conversation\b.*(?:not found|not exist|expired|deleted|no such)|response\b.*not found/i;

/** The error of a request whose provider no longer has the conversation; every other error unchanged. */
export function asLost(error: unknown, fields: ConversationFields, provider: string): unknown {
  const continues = fields.store && (fields.previous_response_id ?? fields.conversation) !== undefined;
  if (!continues || !(error instanceof ModelError) || !isLost(error)) return error;
  return new ModelError('conversation_lost', `The provider ${provider} no longer has the conversation.`, {
    retryable: false,
    httpStatus: error.httpStatus,
    report: error.report,
    cause: error,
  });
}

function isLost({ reason, httpStatus, report }: ModelError): boolean {
  if (report?.code != null && LOST.test(report.code)) return true;
  if (reason !== 'invalid_request' || LOCKED_OR_UNSUPPORTED.test(report?.code ?? '')) return false;
  if (report?.param === 'previous_response_id' || report?.param === 'conversation') return true;
  if (report?.param != null) return false;
  return httpStatus === 404 || httpStatus === 410 || SAYS_LOST.test(report?.message ?? '');
}
