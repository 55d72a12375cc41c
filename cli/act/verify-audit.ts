import { InvalidArgumentError } from 'commander';
import type { AuditBreak, AuditVerification } from '../../contracts/admin/audit.ts';
import { formatCount } from '../render/format-count.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { EXIT } from '../shared/exit-codes.ts';

type Position = AuditVerification['last'];

/** Parses `SEQ:HASH`, as `perdure audit verify` prints the newest entry. */
export function parsePosition(text: string): Position {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) throw new InvalidArgumentError('Expected SEQ:HASH of an entry.');
  return { seq: Number(seq), hash };
}

/** `perdure audit verify`: verifies the hash chain of the audit trail. Resolves with the exit code, 1 when it is broken. */
export async function verifyAudit(deps: CommandDeps, since: Position | undefined): Promise<number> {
  let [verified, removed] = [0, 0];
  let part: AuditVerification;
  let start = since;
  do {
    part = await deps.client.verifyAudit(start);
    verified += part.verified;
    removed += part.removed;
    start = part.last;
  } while (!part.complete && part.broken === null);
  const { last, broken } = part;
  if (deps.json) deps.printJson({ ok: broken === null, verified, removed, last, broken });
  else if (broken === null) {
    const gone = removed === 0 ? '' : `; ${formatCount(removed, 'older one')} removed by the retention`;
    deps.print(`The audit trail is intact: ${formatCount(verified, 'entry', 'entries')}${gone}.`);
    deps.print(`Newest entry: ${last.seq}:${last.hash}`);
    deps.hint(`Keep it elsewhere, and later run: perdure audit verify --since ${last.seq}:${last.hash}`);
  } else {
    deps.print(`The audit trail is broken at entry ${broken.seq}: ${describeBreak(broken)}`);
    deps.print(
      `Intact before it: ${formatCount(verified, 'entry', 'entries')}. Restore perdure.audit from a backup to compare.`,
    );
  }
  return broken === null ? EXIT.ok : EXIT.failed;
}

function describeBreak({ id, reason }: AuditBreak): string {
  if (reason === 'missing') return 'it is missing, and the retention did not remove it.';
  const entry = id === null ? 'the newest entry on record' : id;
  return reason === 'changed'
    ? `${entry} was changed; its hash does not match its content.`
    : `${entry} does not continue the entry before it.`;
}
