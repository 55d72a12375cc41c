import { isChildId } from '../../../core/children/child-id.ts';
import { LIMITS } from '../../../contracts/limits.ts';

/** How far a reader of a tree of runs is in each session whose events it follows. */
export interface TreeCursor {
  /** In the session that was asked for. */
  readonly seq: number;
  /** In those of the runs below, by their ids. */
  readonly children: ReadonlyMap<string, number>;
}

/** `12`, or with runs below `12~child-1:5~child-2:0`: the `id` of an event in a stream with children. */
export function formatTreeCursor({ seq, children }: TreeCursor): string {
  return [String(seq), ...[...children].map(([runId, at]) => `${runId}:${at}`)].join('~');
}

/** Undefined for what is no such id. */
export function parseTreeCursor(text: string): TreeCursor | undefined {
  const [first = '', ...rest] = text.split('~');
  const seq = parseSeq(first);
  if (seq === undefined || rest.length > LIMITS.followedChildren.value) return undefined;
  const children = new Map<string, number>();
  for (const part of rest) {
    const colon = part.lastIndexOf(':');
    const at = parseSeq(part.slice(colon + 1));
    const runId = part.slice(0, Math.max(0, colon));
    if (at === undefined || !isChildId(runId)) return undefined;
    children.set(runId, at);
  }
  return { seq, children };
}

function parseSeq(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const seq = Number(text);
  return seq <= 2_147_483_647 ? seq : undefined;
}
