/** Tells whoever watches that the gateway went away, or is back. */
export function reportConnection(state: 'lost' | 'back'): void {
  process.stderr.write(state === 'lost' ? 'reconnecting…\n' : 'connected again.\n');
}
