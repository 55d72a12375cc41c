/** Removes variables that are empty or blank, as a compose file sets them: an empty variable counts as not set, for libraries too. */
export function dropEmptyVariables(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) if (value?.trim() === '') delete env[name];
}
