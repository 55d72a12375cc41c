import { eraseUser } from '../../client/erase-user.ts';
import type { Erasure, ErasureStep } from '../../contracts/admin/erasure.ts';
import { quoteValue } from '../../core/text/quote-value.ts';
import { erasureLines } from './erasures.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { confirm, requireTerminal, type ConfirmOption } from '../shared/confirm.ts';

/** Time without a worker after which a line says so. */
const NO_WORKER_MS = 5_000;

const PROGRESS: Readonly<Record<ErasureStep, string>> = {
  stop: 'Stopping runs',
  temporal: 'Deleting executions in Temporal',
  sessions: 'Deleting sessions and archives',
  attachments: 'Deleting attachments',
  memories: 'Deleting memories',
  rows: 'Deleting everything else in the store',
  providers: 'Deleting conversations at providers',
  verify: 'Checking that nothing is left. Temporal needs up to a minute',
};

/** `perdure erase USER`: erases everything that is stored of a user, and shows the report. Asks on a terminal. */
export async function erase(deps: CommandDeps, user: string, { yes }: ConfirmOption): Promise<void> {
  if (!yes) {
    requireTerminal();
    await confirm(`Erase everything that is stored of the user ${quoteValue(user)}? This cannot be undone.`);
  }
  let shown: string | null = null;
  const erasure = await eraseUser(deps.client, user, {
    onProgress(progress) {
      const line = progressLine(progress);
      if (line !== null && line !== shown) process.stderr.write(`${line}\n`);
      shown = line ?? shown;
    },
  });
  if (deps.json) return deps.printJson(erasure);
  for (const line of erasureLines(erasure)) deps.print(line);
}

function progressLine({ step, error, durationMs }: Erasure): string | null {
  if (error !== null) return `A step failed and is repeated: ${stripControl(error)}`;
  if (step !== null) return `${PROGRESS[step]}…`;
  return durationMs > NO_WORKER_MS
    ? 'Waiting for a worker to start the erasure. Start one with `perdure worker` or `npm start`.'
    : null;
}
