import type { Answerer } from '../../contracts/approvals/approval-settings.ts';

/** Somebody who answers an inbox item. */
export interface AnsweringUser {
  readonly user: string;
  readonly isOperator: boolean;
  /** The groups of the deployment file that the user is in. */
  readonly groups: readonly string[];
}

/** Whether somebody may answer an item of a session of `owner`. With `fourEyes` the owner may not, whatever else applies. */
export function mayAnswer(
  { mayAnswer: answerers, fourEyes }: { readonly mayAnswer: readonly Answerer[]; readonly fourEyes: boolean },
  by: AnsweringUser,
  owner: string,
): boolean {
  const isOwner = by.user === owner;
  if (isOwner && fourEyes) return false;
  return answerers.some((one) => {
    if (one === 'user') return isOwner;
    if (one === 'operators') return by.isOperator;
    if (one === 'others') return !isOwner;
    return by.groups.includes(one.group);
  });
}

/** The groups that a user is in, of those of the deployment file. */
export function groupsOf(groups: Readonly<Record<string, readonly string[]>> | undefined, user: string): string[] {
  return Object.entries(groups ?? {}).flatMap(([name, users]) => (users.includes(user) ? [name] : []));
}
