const PREFIX = 'child-';

/** The id of a child's run, and of its session, by the idempotency key of its parent's call. */
export function childIdOf(idempotencyKey: string): string {
  return `${PREFIX}${idempotencyKey}`;
}

/** Whether an id has the form of a child's. Others may have it too. */
export function isChildId(id: string): boolean {
  return id.startsWith(PREFIX);
}
