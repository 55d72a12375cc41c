import { Client, Connection } from '@temporalio/client';
import { onTestFinished } from 'vitest';

/** A client that finds a restarted server within a moment; closed when the test is over. */
export async function clientOf(address: string): Promise<Client> {
  const channelArgs = { 'grpc.max_reconnect_backoff_ms': 100, 'grpc.initial_reconnect_backoff_ms': 50 };
  const connection = await Connection.connect({ address, channelArgs });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}
