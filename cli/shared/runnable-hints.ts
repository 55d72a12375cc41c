/** A command in a text of Perdure's own: `perdure` and a subcommand, after a backtick, a colon or at the start of a line. */
const COMMAND = /(^|[`:] ?|\$ )perdure (?=[a-z-])/gm;

/** The text with its commands as this process was started, so that they can be pasted: `npx perdure` where npm did. */
export function runnableHints(text: string, env: NodeJS.ProcessEnv = process.env): string {
  // npm sets it for `npx` and for scripts, which find the command in node_modules and not on the PATH.
  return env['npm_execpath'] === undefined ? text : text.replaceAll(COMMAND, '$1npx perdure ');
}
