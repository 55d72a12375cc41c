import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { GatewayClient } from '../../client/http/gateway-client.ts';

const PAGE = 1_000;

/** The stored events of a session after `after`, in order, read in pages. */
export async function* sessionEvents(client: GatewayClient, id: string, after: number): AsyncGenerator<PerdureEvent> {
  for (let from = after; ;) {
    const { events, next } = await client.events(id, { after: from, limit: PAGE });
    yield* events;
    if (events.length < PAGE) return;
    from = next;
  }
}
