import { APIError } from 'openai';
import { ModelError } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import { ERROR_BODY } from './http/provider-fetch.ts';
import type { Connection } from './provider-endpoint.ts';
import { readReport } from './provider-report.ts';

/** Posts a request and returns the response, whose body is not read yet. Rejects with a {@link ModelError} for a status of failure. */
export async function postRequest(
  connection: Connection,
  path: string,
  body: object & { readonly model: string; readonly stream?: boolean },
  signal: AbortSignal,
): Promise<Response> {
  const { model, stream } = body;
  return await postTo(connection, path, { body, model, stream, signal });
}

interface Sending {
  /** For an address that contains the model. */
  readonly model: string;
  readonly signal: AbortSignal;
}

/** Like {@link postRequest}, for a body that need not name the model. */
export async function postTo(
  { api, addressOf, ...source }: Connection,
  path: string,
  { body, model, stream = false, signal }: Sending & { readonly body: object; readonly stream?: boolean | undefined },
): Promise<Response> {
  return await withStatus(source, () => api.post(addressOf(path, model), { body, stream, signal }).asResponse());
}

/** Gets a resource. Rejects like {@link postRequest}. */
export async function getFrom(
  { api, addressOf, ...source }: Connection,
  path: string,
  { model, signal }: Sending,
): Promise<Response> {
  return await withStatus(source, () => api.get(addressOf(path, model), { signal }).asResponse());
}

/** Deletes a resource. Rejects like {@link postRequest}. */
export async function deleteFrom(
  { api, addressOf, ...source }: Connection,
  path: string,
  { model, signal }: Sending,
): Promise<void> {
  const response = await withStatus(source, () => api.delete(addressOf(path, model), { signal }).asResponse());
  // Its body is not of interest: it is read up to the first piece, and closed.
  for await (const _ of response.body ?? []) break;
}

async function withStatus(source: Parameters<typeof statusError>[0], send: () => Promise<Response>): Promise<Response> {
  try {
    return await send();
  } catch (error) {
    throw error instanceof APIError && typeof error.status === 'number' ? statusError(source, error) : error;
  }
}

function statusError(
  { provider, secrets, addressSetting }: Pick<Connection, 'provider' | 'secrets' | 'addressSetting'>,
  error: APIError,
): ModelError {
  const { status: httpStatus, headers, error: body } = error as APIError & { status: number };
  if (httpStatus < 400) return redirected(provider, addressSetting, httpStatus, headers);
  const report = readReport((body as Record<string, unknown> | undefined)?.[ERROR_BODY], secrets);
  const { code, type } = report;
  return providerError({ provider, httpStatus, code: code ?? type, report, headers }, Date.now());
}

/** A redirect that was not followed. Its target is shown without its query, which may hold a secret. */
function redirected(
  provider: string,
  addressSetting: string,
  httpStatus: number,
  headers: Headers | undefined,
): ModelError {
  const target = URL.parse(headers?.get('location') ?? '');
  const where = target ? ` to ${target.origin}${target.pathname}` : '';
  return new ModelError(
    'invalid_request',
    `The provider ${provider} redirected the model call${where} (status ${httpStatus}). Set the provider's address to the final one (${addressSetting}).`,
    { retryable: false, httpStatus },
  );
}
