import type { Command } from 'commander';

/** Adds the options with which operators select the data of other users. */
export function addUserScope(command: Command): Command {
  return command
    .option('--of <user>', 'apply to another user (operators only)')
    .option('--all, --all-users', 'apply to all users (operators only)');
}

/** Converts these options to the parameters of the client. */
export function toUserScope<T extends { readonly of?: string; readonly allUsers?: boolean }>({
  of,
  allUsers,
  ...rest
}: T) {
  return { ...rest, user: of, all: allUsers };
}
