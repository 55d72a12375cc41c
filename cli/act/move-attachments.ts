import type { AttachmentMove, AttachmentMoveRequest } from '../../contracts/attachments/attachment-move.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { formatCount } from '../render/format-count.ts';
import { stripControl } from '../render/strip-control.ts';

export interface MoveOptions {
  readonly to: AttachmentMoveRequest['to'];
}

const NAMES = { database: 'the database', folder: 'the folder', s3: 'the bucket' } as const;

/**
 * `perdure attachments move --to <place>`: moves the contents of all users' attachments, with a line of progress for each
 * request. Resolves with the exit code, 1 when some could not be moved.
 */
export async function moveAttachments(deps: CommandDeps, { to }: MoveOptions): Promise<number> {
  const failed: AttachmentMove['failed'] = [];
  let [moved, bytes] = [0, 0];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: AttachmentMove = await deps.client.moveAttachments({ to, ...(cursor === undefined ? {} : { cursor }) });
    failed.push(...page.failed);
    [moved, bytes, cursor] = [moved + page.moved, bytes + page.bytes, page.cursor];
    if (cursor === null) break;
    process.stderr.write(
      `Moved ${formatCount(moved, 'attachment')} (${megabytes(bytes)}), ${formatCount(page.left, 'attachment')} (${megabytes(page.leftBytes)}) left…\n`,
    );
  }
  if (deps.json) deps.printJson({ to, moved, bytes, failed });
  else deps.print(`Moved ${formatCount(moved, 'attachment')} (${megabytes(bytes)}) to ${NAMES[to]}.`);
  if (failed.length === 0) return EXIT.ok;
  if (!deps.json) {
    for (const { id, user, reason } of failed)
      deps.print(`Not moved: ${id} of ${stripControl(user)}: ${reason}. Restore its content from a backup.`);
  }
  return EXIT.failed;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} MB`;
}
