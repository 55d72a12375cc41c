import { CliError, EXIT } from '../shared/exit-codes.ts';

const VALID = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
/** Names of the project's dependencies, and names that npm reserves. */
const RESERVED: readonly string[] = ['perdure', 'zod', 'typescript', 'node_modules', 'favicon.ico'];

/** Returns `name` if it can be the name of a project's package. Throws one sentence with a remedy otherwise. */
export function checkProjectName(name: string): string {
  if (RESERVED.includes(name)) {
    throw new CliError(`A project cannot be named "${name}". Choose another name with --name.`, EXIT.usage);
  }
  if (VALID.test(name) && name.length <= 214) return name;
  const suggested = suggestName(name);
  const remedy = suggested === '' ? 'Set one with --name' : `Choose another with --name, such as --name ${suggested}`;
  throw new CliError(
    `${JSON.stringify(name)} cannot be the name of an npm package, which has lowercase letters, digits, "-", "_" and "." only. ${remedy}.`,
    EXIT.usage,
  );
}

function suggestName(name: string): string {
  const suggested = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '')
    .slice(0, 214);
  return RESERVED.includes(suggested) ? '' : suggested;
}
