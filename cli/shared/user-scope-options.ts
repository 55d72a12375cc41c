import type { Command } from 'commander';

/** Adds the options with which operators select the data of other users. */
export function addUserScope(command: Command): Command {
  return command
    .option('--of <user>', 'apply to another user (operators only)')
    .option('--all, --all-users', 'apply to all users (operators only)');
}

/** Adds the option with which operators select the owner of the session or run that a command names. */
export function addOwner(command: Command): Command {
  return command.option('--of <user>', 'for a session of another user (operators only; recorded in the audit trail)');
}

/** Converts these options to the parameters of the client. */
export function toUserScope<T extends { readonly of?: string; readonly allUsers?: boolean }>({
  of,
  allUsers,
  ...rest
}: T) {
  return { ...rest, user: of, all: allUsers };
}
