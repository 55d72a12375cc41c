/** Reports on standard error that the connection to the gateway was lost or restored. */
export function reportConnection(state: 'lost' | 'back'): void {
  process.stderr.write(state === 'lost' ? 'Connection to the gateway lost; reconnecting…\n' : 'Reconnected.\n');
}
