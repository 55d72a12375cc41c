import { PerdureError } from '../../contracts/errors.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { Finding } from './finding.ts';

/** Checks what waits for an answer in the user's sessions; for operators, in those of all users. */
export async function checkInbox({ client }: Pick<CommandDeps, 'client'>, nowMs = Date.now()): Promise<Finding> {
  const check = 'Inbox';
  try {
    const { data, nextCursor } = await client.inbox({ all: true }).catch((error: unknown) => {
      if (error instanceof PerdureError && error.code === 'forbidden') return client.inbox();
      throw error;
    });
    const [oldest] = data;
    if (!oldest) return { check, state: 'ok', found: 'nothing waits for an answer', remedy: null };
    const count = `${nextCursor === null ? '' : 'more than '}${formatCount(data.length, 'call')}`;
    const since = formatDuration(Math.max(0, nowMs - Date.parse(oldest.requestedAt)));
    const found = `${count} waiting for an answer, the oldest for ${since} (${stripControl(oldest.tool)}, session ${stripControl(oldest.sessionId)})`;
    return {
      check,
      state: 'note',
      found,
      remedy: 'List them with `perdure inbox`; operators with `perdure inbox --all`.',
    };
  } catch (error) {
    const found = error instanceof PerdureError ? `unknown: ${error.message}` : 'unknown without the gateway';
    return { check, state: 'note', found, remedy: null };
  }
}
