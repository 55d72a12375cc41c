import { ModelError } from '../model-client.ts';
import { providerError } from '../provider-error.ts';
import type { Connection } from './provider-endpoint.ts';
import { readReport } from './provider-report.ts';

/** The provider, for errors, and its key, which they must not contain. */
export type ErrorSource = Pick<Connection, 'provider' | 'secrets'>;

/** The error that a response of status 200, or an event of its stream, reports. */
export function failureIn({ provider, secrets }: ErrorSource, body: unknown): ModelError {
  const report = readReport(body, secrets);
  return providerError({ provider, httpStatus: null, code: report.code ?? report.type, report }, Date.now());
}

/** A response of status 200 that is no reply. `what` completes "sent a response …". */
export function unusable({ provider, secrets }: ErrorSource, what: string, body: unknown, remedy = ''): ModelError {
  return new ModelError('server_error', `The provider ${provider} sent a response ${what}.${remedy && ` ${remedy}`}`, {
    retryable: true,
    report: readReport(body, secrets),
  });
}
