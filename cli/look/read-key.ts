import type { ReadStream } from 'node:tty';

/** Resolves with the next key. Rejects with the reason of `signal`. Raw mode delivers Ctrl-C as a key, which is sent on as SIGINT. */
export async function readKey(input: ReadStream, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onKey = (key: Buffer): void => {
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
