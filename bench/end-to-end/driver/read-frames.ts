import type { IncomingMessage } from 'node:http';

/** Called for each arrival with the types of its events, and with the text of their frames. */
export type FrameReader = (types: readonly string[], frames: string) => void;

/** Reads an event stream to its end and resolves with the type of the last event. Does not parse the data, which would cost more than all the rest. */
export function readFrames(response: IncomingMessage, onFrames: FrameReader): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let rest = '';
    let last: string | undefined;
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      const text = rest + part;
      const end = text.lastIndexOf('\n\n');
      rest = text.slice(end + 2);
      if (end === -1) return;
      const frames = text.slice(0, end + 2);
      const types = typesOf(frames);
      if (types.length === 0) return;
      last = types.at(-1);
      onFrames(types, frames);
    });
    response.once('end', () => resolve(last));
    response.once('error', reject);
  });
}

function typesOf(frames: string): string[] {
  return [...frames.matchAll(/^event: (\S+)/gm)].map(([, type = '']) => type);
}
