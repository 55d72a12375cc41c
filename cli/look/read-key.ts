import type { ReadStream } from 'node:tty';

/** The next key that is pressed. Rejects with the signal's reason, which Ctrl-C, seen as a key here, sets off. */
export async function readKey(input: ReadStream, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onKey = (key: Buffer): void => {
    // Raw input takes Ctrl-C from the terminal: it is given back.
    if (key[0] === 3) process.kill(process.pid, 'SIGINT');
    else resolve(key.toString());
  };
  const onAbort = (): void => reject(signal.reason as Error);
  input.setRawMode(true);
  input.resume();
  input.on('data', onKey);
  signal.addEventListener('abort', onAbort);
  try {
    return await promise;
  } finally {
    input.off('data', onKey);
    signal.removeEventListener('abort', onAbort);
    input.setRawMode(false);
    input.pause();
  }
}
