import type { Role } from '../../contracts/identity/role.ts';
import type { ApiKeyQuery } from '../../client/http/queries.ts';
import { formatTime } from '../render/format-time.ts';
import { printTable } from '../render/print-table.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { KeyAdmin } from './key-admin.ts';

export interface CreateKeyOptions {
  readonly for?: string | undefined;
  readonly role?: Role | undefined;
  readonly name?: string | undefined;
  /** In ms. */
  readonly expires?: number | undefined;
}

/** `perdure keys create`: the key is the only line on standard output, so that a script can read it. */
export async function createKey(
  deps: CommandDeps,
  admin: KeyAdmin,
  { for: user = 'local', role = 'user', name = '', expires }: CreateKeyOptions,
): Promise<void> {
  const expiresAt = expires === undefined ? {} : { expiresAt: new Date(Date.now() + expires).toISOString() };
  const created = await admin.createKey({ user, role, name, ...expiresAt });
  if (deps.json) return deps.printJson(created);
  deps.print(created.key);
  const until = created.expiresAt === null ? 'does not expire' : `expires on ${formatTime(created.expiresAt, deps)}`;
  process.stderr.write(
    `Created the API key ${created.id} of ${stripControl(created.user)} with the role ${created.role}; it ${until}. It is not shown again.\n`,
  );
}

/** `perdure keys list`: the newest first. */
export async function listKeys(deps: CommandDeps, admin: KeyAdmin, query: ApiKeyQuery): Promise<void> {
  const page = await admin.keys(query);
  if (deps.json) return deps.printJson(page);
  if (page.data.length === 0) return deps.print('No API keys. Create one with: perdure keys create --for USER');
  const time = (at: string | null, none: string): string => (at === null ? none : formatTime(at, deps));
  const rows = page.data.map((key) => [
    key.id,
    `${key.hint}…`,
    stripControl(key.user),
    key.role,
    stripControl(key.name) || '-',
    time(key.lastUsedAt, 'never'),
    key.revokedAt === null ? time(key.expiresAt, 'never') : `revoked ${formatTime(key.revokedAt, deps)}`,
  ]);
  printTable(deps, [['ID', 'KEY', 'USER', 'ROLE', 'NAME', 'LAST USED', 'EXPIRES'], ...rows]);
  if (page.nextCursor !== null) deps.print(`More: add --cursor ${page.nextCursor}`);
}

/** `perdure keys revoke`. */
export async function revokeKey(deps: CommandDeps, admin: KeyAdmin, id: string): Promise<void> {
  const revoked = await admin.revokeKey(id);
  if (deps.json) return deps.printJson(revoked);
  deps.print(
    `Revoked the API key ${revoked.id} of ${stripControl(revoked.user)}. Gateways refuse it within 5 seconds.`,
  );
}
