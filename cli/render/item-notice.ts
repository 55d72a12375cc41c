import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Paint } from '../shared/command-deps.ts';
import { waitSentence } from './inbox-lines.ts';
import { oneLine } from './one-line.ts';
import { stripControl } from './strip-control.ts';

type ItemEvent = Extract<PerdureEvent, { itemId: string }>;

/** The line for an event of an approval or a client call. */
export function itemNotice(event: ItemEvent, paint: Paint): string {
  const tool = stripControl(event.tool);
  switch (event.type) {
    case 'approval.requested':
      return paint('yellow', `? ${waitSentence({ id: event.itemId, kind: 'approval', tool })}`);
    case 'client_call.requested':
      return paint('yellow', `? ${waitSentence({ id: event.itemId, kind: 'client', tool })}`);
    case 'approval.reminded':
    case 'client_call.reminded':
      return paint('yellow', `? ${tool} still waits for an answer (${event.itemId}, reminder ${event.reminder}).`);
    case 'approval.decided': {
      const { decision, by, reason, arguments: edited, remember } = event;
      const parts = [
        `${tool} was ${decision === 'approve' ? 'approved' : 'rejected'} by ${stripControl(by)}`,
        ...(edited === undefined ? [] : [` with other arguments: ${oneLine(edited)}`]),
        ...(remember === undefined ? [] : [`, and is remembered for the ${remember}`]),
        ...(reason === null ? [] : [`: ${oneLine(reason)}`]),
      ];
      return decision === 'approve' ? paint('green', `✓ ${parts.join('')}`) : paint('red', `✗ ${parts.join('')}`);
    }
    case 'client_call.answered':
      if (event.action !== undefined)
        return paint('yellow', `■ ${stripControl(event.by)} ${REFUSED[event.action]} ${tool}`);
      return paint('green', `✓ ${tool} was answered by ${stripControl(event.by)}`);
    case 'approval.expired':
      return paint('yellow', `■ The approval of ${tool} expired. ${EXPIRED[event.outcome]}`);
    case 'client_call.expired':
      return paint('yellow', `■ No client has answered the call of ${tool} in time.`);
    case 'approval.withdrawn':
    case 'client_call.withdrawn':
      return paint('dim', `■ ${tool} no longer waits for an answer.`);
  }
}

const REFUSED = { decline: 'declined to answer', cancel: 'closed without an answer:' } as const;

const EXPIRED = {
  reject: 'The call is rejected.',
  approve: 'The call is made.',
  fail: 'The run fails.',
} as const;
