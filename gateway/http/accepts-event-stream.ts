import { accepts } from './accept.ts';

/** Whether a caller asks for server-sent events. */
export function acceptsEventStream(headers: Headers): boolean {
  return accepts(headers, 'text/event-stream');
}
