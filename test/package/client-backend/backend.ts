/** A backend that only sends and reads; only compiled. */
import { createPerdure, type Perdure, type SessionSnapshot } from 'perdure-client';
import { LIMITS, type Receipt } from 'perdure-client/contracts';

export async function send(perdure: Perdure, text: string): Promise<[Receipt, SessionSnapshot]> {
  const session = perdure.session('trip');
  return [await session.send(text.slice(0, LIMITS.toolMs.value)), await session.snapshot()];
}

export const perdure = createPerdure({ gateway: 'http://127.0.0.1:4747' });
