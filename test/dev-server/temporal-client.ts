import { Client, Connection } from '@temporalio/client';
import { onTestFinished } from 'vitest';

/** A client that reconnects quickly to a restarted server. The end of the test closes it. */
export async function clientOf(address: string): Promise<Client> {
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': 100, 'grpc.initial_reconnect_backoff_ms': 50 };
  const connection = await Connection.connect({ address, channelArgs });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}
