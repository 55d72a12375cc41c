/** Returns the lines that `perdure start` prints when it is ready. */
export function welcome(up: {
  gateway: string;
  /** The embedded server; null if another one is configured. */
  temporal: { readonly address: string; readonly uiUrl: string | null } | null;
  /** Whether everything is lost when the process ends. */
  inMemory: boolean;
  model: string;
  /** Why this model is the default. */
  because: string;
  agents: readonly string[];
  /** The folder watched for changes of agents; null if none is watched. */
  watching: string | null;
}): string[] {
  const scripted = up.model.startsWith('scripted/')
    ? [
        '               The answers are scripted: no language model is used. Set OPENAI_API_KEY or OPENAI_BASE_URL to use one.',
      ]
    : [];
  const url = up.gateway === 'http://127.0.0.1:4747' ? '' : ` --url ${up.gateway}`;
  return [
    '',
    'Perdure is ready.',
    `  gateway      ${up.gateway}`,
    ...(up.temporal === null
      ? []
      : [
          `  Temporal     ${up.temporal.address}`,
          `  Temporal UI  ${up.temporal.uiUrl ?? 'off; start with --ui to turn it on'}`,
        ]),
    ...(up.inMemory ? ['  data         in memory; lost when this process ends'] : []),
    `  model        ${up.model} (${up.because})`,
    ...scripted,
    `  agents       ${up.agents.join(', ')}`,
    ...(up.watching === null ? [] : [`               reloaded when files in ${up.watching} change`]),
    '',
    `Chat in another terminal:  npx perdure chat${url}`,
    'Ctrl-C stops everything.',
  ];
}
