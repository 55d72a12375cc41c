import type { WaitingFor } from '../../contracts/session/session.ts';
import { stripControl } from './strip-control.ts';

/** What a session waits for, since when and until when, in words. `perdure why <session>` says who can do what about it. */
export function describeWait({ what, who, since, until }: WaitingFor): string {
  return `${stripControl(AS[what](who))}, since ${since}${until === null ? '' : `, ${UNTIL[what] ?? 'until'} ${until}`}`;
}

const AS: Record<WaitingFor['what'], (who: string) => string> = {
  message: (who) => `a message from ${who}`,
  worker: () => 'a worker',
  model: (who) => `the model ${who}`,
  tool: (who) => `the tool ${who}`,
  rate_limit: (who) => `${who}, which is at its limits`,
  circuit: (who) => `${who}, whose circuit is open`,
  cool_down: (who) => `${who}, which said that it gets too many requests`,
  nothing: () => 'nothing',
};

/** A provider may stay away for longer: its time is reckoned, not known. */
const UNTIL: Partial<Record<WaitingFor['what'], string>> = {
  message: 'expires at',
  rate_limit: 'until about',
  circuit: 'until about',
  cool_down: 'until about',
};
