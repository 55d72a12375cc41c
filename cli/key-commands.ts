import { Option, type Command } from 'commander';
import { roleSchema } from '../contracts/identity/role.ts';
import type { ApiKeyQuery } from '../client/http/queries.ts';
import { addEnvFile } from './services/env-file.ts';
import type { KeyAdmin } from './services/key-admin.ts';
import type { CreateKeyOptions } from './services/keys.ts';
import type { CommandDeps, CreateDeps, GlobalOptions } from './shared/command-deps.ts';
import { parseDuration } from './shared/parse-duration.ts';
import { parseWhole } from './shared/parse-number.ts';

interface StoreOption {
  readonly store?: boolean;
}

/** Adds the commands that create, list and revoke API keys. */
export function addKeyCommands(program: Command, env: NodeJS.ProcessEnv, createDeps: CreateDeps): void {
  const keys = program
    .command('keys')
    .description('create, list and revoke API keys of the gateway (operators only, or with access to the store)');
  const run = async (
    { store = false }: StoreOption,
    work: (deps: CommandDeps, admin: KeyAdmin) => Promise<void>,
  ): Promise<void> => {
    addEnvFile(env);
    const { onStore, usesStore } = await import('./services/key-admin.ts');
    const deps = createDeps();
    if (!usesStore(store, program.opts<GlobalOptions>().url, env)) return await work(deps, deps.client);
    await onStore(env, (admin) => work(deps, admin));
  };
  addStore(keys.command('create'))
    .description('create an API key, and print it: it is not shown again')
    .option('--for <user>', 'the user whose data the key opens; of an operator, their name (default: "local")')
    .addOption(new Option('--role <role>', 'what the key permits').choices(roleSchema.options).default('user'))
    .option('--name <name>', 'what the key is for')
    .addOption(new Option('--expires <time>', 'lifetime, such as 90d (default: none)').argParser(parseDuration))
    .action(async (options: CreateKeyOptions & StoreOption) =>
      run(options, async (deps, admin) => (await import('./services/keys.ts')).createKey(deps, admin, options)),
    );
  addStore(keys.command('list'))
    .description('list the API keys, newest first')
    .option('--for <user>', 'only those of this user')
    .option('--ended', 'also those that are revoked or have expired')
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async ({ for: user, store, ...query }: Omit<ApiKeyQuery, 'user'> & { for?: string } & StoreOption) =>
      run({ store: store === true }, async (deps, admin) =>
        (await import('./services/keys.ts')).listKeys(deps, admin, { ...query, user }),
      ),
    );
  addStore(keys.command('revoke <id>'))
    .description('revoke an API key by its id, as `perdure keys list` shows it')
    .action(async (id: string, options: StoreOption) =>
      run(options, async (deps, admin) => (await import('./services/keys.ts')).revokeKey(deps, admin, id)),
    );
}

function addStore(command: Command): Command {
  return command.option(
    '--store',
    'on the store of DATABASE_URL or the data folder, without a gateway (default where only a store is configured)',
  );
}
