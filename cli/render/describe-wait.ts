import type { WaitingFor } from '../../contracts/session/session.ts';
import { stripControl } from './strip-control.ts';

/** What a session waits for, since when and until when. `perdure why <session>` also prints the remedy. */
export function describeWait({ what, who, since, until }: WaitingFor): string {
  return `${stripControl(DESCRIPTIONS[what](who))}, since ${since}${until === null ? '' : `, ${UNTIL[what] ?? 'until'} ${until}`}`;
}

const DESCRIPTIONS: Record<WaitingFor['what'], (who: string) => string> = {
  message: (who) => `a message from ${who}`,
  worker: () => 'a worker',
  model: (who) => `the model ${who}`,
  tool: (who) => `the tool ${who}`,
  approval: (who) => `an approval by ${who}`,
  client: (who) => who,
  context: (who) => who,
  rate_limit: (who) => `${who} (limits reached)`,
  circuit: (who) => `${who} (paused after failed calls)`,
  cool_down: (who) => `${who} (too many requests)`,
  paused: (who) => who,
  nothing: () => 'nothing',
};

/** The times of a provider are estimates. */
const UNTIL: Partial<Record<WaitingFor['what'], string>> = {
  message: 'expires at',
  approval: 'expires at',
  client: 'expires at',
  rate_limit: 'until about',
  circuit: 'until about',
  cool_down: 'until about',
};
