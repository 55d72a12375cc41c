import { ownerOf, type OwnerState } from '../../dev-server/index.ts';
import { CliError } from '../shared/exit-codes.ts';
import { readSettings } from './settings.ts';

/** Returns what the `perdure start` that owns the data folder has recorded; null if none runs. */
export function dataFolderOwner(env: NodeJS.ProcessEnv): OwnerState | null {
  try {
    return ownerOf(readSettings(env).dataDir);
  } catch (error) {
    // Another check reports invalid settings.
    if (error instanceof CliError) return null;
    throw error;
  }
}
