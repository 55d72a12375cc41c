import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';

// Runs as its own process: reads the stream of one session many times and reports the age of each delta on arrival.

export interface ReadersCommand {
  readonly url: string;
  readonly user: string;
  readonly session: string;
  readonly readers: number;
}

/** Sent when all readers are connected, and when all have received the end of a run. */
export interface ReadersReport {
  readonly latenciesMs: readonly number[];
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

process.once('message', (command: ReadersCommand) => void follow(command));
process.once('disconnect', () => process.exit());

async function follow({ url, user, session, readers }: ReadersCommand): Promise<void> {
  let latenciesMs: number[] = [];
  let ended = 0;
  const onEvent = (arrivedNs: bigint, { event, data }: EventSourceMessage): void => {
    if (event === 'message.delta') latenciesMs.push(...agesOf(data, arrivedNs));
    if (event !== 'run.completed') return;
    ended += 1;
    if (ended < readers) return;
    process.send?.({ latenciesMs } satisfies ReadersReport);
    ended = 0;
    latenciesMs = [];
  };
  const path = `${url}/v1/sessions/${session}/events`;
  const head = { 'Perdure-User': user, Accept: 'text/event-stream' };
  await Promise.all(Array.from({ length: readers }, () => read(path, head, onEvent)));
  process.send?.({ latenciesMs: [] } satisfies ReadersReport);
}

/** Resolves when the stored run of the session has been read. Everything after it is live, and reported. */
async function read(
  path: string,
  headers: Record<string, string>,
  onEvent: (arrivedNs: bigint, event: EventSourceMessage) => void,
): Promise<void> {
  const [response] = (await once(get(path, { agent, headers }), 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`The gateway answered ${response.statusCode}.`);
  const caughtUp = Promise.withResolvers<void>();
  let isCaughtUp = false;
  let arrivedNs = 0n;
  const parser = createParser({
    onEvent(event) {
      if (isCaughtUp) return onEvent(arrivedNs, event);
      isCaughtUp = event.event === 'run.completed';
      if (isCaughtUp) caughtUp.resolve();
    },
  });
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    arrivedNs = process.hrtime.bigint();
    parser.feed(text);
  });
  await caughtUp.promise;
}

/** A delta may contain several chunks. */
function agesOf(data: string, arrivedNs: bigint): number[] {
  const { delta } = JSON.parse(data) as { delta: string };
  return [...delta.matchAll(/<(\d+)>/g)].map(([, ns = '0']) => Number(arrivedNs - BigInt(ns)) / 1e6);
}
