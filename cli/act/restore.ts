import { withSession } from '../shared/with-session.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { formatCount } from '../render/format-count.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { stripControl } from '../render/strip-control.ts';

/** `perdure restore <session>`: restores an archived session without sending it a message. */
export async function restore(deps: CommandDeps, id: string): Promise<void> {
  const session = await withSession(deps, id, (found) => deps.client.restore(found));
  if (deps.json) return deps.printJson(session);
  const name = stripControl(session.id);
  deps.print(
    `Session ${name} is ${session.status}, with ${formatCount(session.messages, 'message')}. Read it with: perdure transcript ${shellQuote(name)}`,
  );
}
