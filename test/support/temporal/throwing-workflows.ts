/** Workflow code that throws an error with content in its message. */
export async function agentSession(): Promise<void> {
  throw new TypeError('the secret of the message');
}
