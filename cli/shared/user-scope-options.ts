import type { Command } from 'commander';

/** Adds the options by which operators ask for what is not theirs. `of` is put before “another user” and “all users”. */
export function addUserScope(command: Command, of = 'of'): Command {
  return command
    .option('--of <user>', `${of} another user, for operators`)
    .option('--all, --all-users', `${of} all users, for operators`);
}

/** The options as the client takes them. */
export function toUserScope<T extends { readonly of?: string; readonly allUsers?: boolean }>({
  of,
  allUsers,
  ...rest
}: T) {
  return { ...rest, user: of, all: allUsers };
}
