import { NativeConnection } from '@temporalio/worker';
import type { ConnectionSettings } from '../client/temporal/connection-options.ts';
import { connectOptions } from '../client/temporal/connection-settings.ts';
import { describeConnectProblem } from '../client/temporal/describe-connect-problem.ts';
import { refusedCredential } from '../client/temporal/temporal-failures.ts';
import { PerdureError } from '../contracts/errors.ts';

/**
 * Connects to a Temporal server.
 * @throws {PerdureError} `temporal_unavailable` when it does not respond; `unauthenticated` when its TLS, its certificate or the credential
 * does not fit, which waiting does not change.
 */
export async function connectToTemporal({
  open,
  ...settings
}: ConnectionSettings & { readonly open?: NativeConnection | undefined }): Promise<NativeConnection> {
  if (open !== undefined) return open;
  try {
    return await NativeConnection.connect(connectOptions(settings));
  } catch (error) {
    const at = `Temporal at ${JSON.stringify(settings.address)}`;
    const problem = await describeConnectProblem(settings);
    if (problem !== null) {
      const code = problem.mayPass ? 'temporal_unavailable' : 'unauthenticated';
      throw new PerdureError(code, `${at} ${problem.found}. ${problem.remedy}`, { cause: error });
    }
    // The first call of a connection. Its status is in the text of the error only: the name of the code, or its description.
    const text = String(error);
    const isUnknown = /Unauthenticated|valid authentication credentials/.test(text);
    if (isUnknown || /PermissionDenied|does not have permission/.test(text)) throw refusedCredential(isUnknown, error);
    throw new PerdureError(
      'temporal_unavailable',
      `${at} does not respond. Check TEMPORAL_ADDRESS (host:port) and TEMPORAL_API_KEY, and that the server is running.`,
      { cause: error },
    );
  }
}
