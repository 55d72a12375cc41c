import { reportLine } from './report-line.ts';

/** Reports on standard error that the connection to the gateway was lost or restored. */
export function reportConnection(state: 'lost' | 'back'): void {
  reportLine(state === 'lost' ? 'Connection to the gateway lost; reconnecting…' : 'Reconnected.');
}
