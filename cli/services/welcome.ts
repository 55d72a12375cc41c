/** What to tell a person once all is up. */
export function welcome(up: {
  gateway: string;
  uiUrl: string | null;
  model: string;
  /** Why it is this one. */
  because: string;
  agents: readonly string[];
}): string[] {
  const scripted = up.model.startsWith('scripted/')
    ? [
        '               The answers are scripted, no language model speaks. Set OPENAI_API_KEY or OPENAI_BASE_URL for one.',
      ]
    : [];
  const url = up.gateway === 'http://127.0.0.1:4747' ? '' : ` --url ${up.gateway}`;
  return [
    '',
    'Perdure is ready.',
    `  gateway      ${up.gateway}`,
    ...(up.uiUrl === null ? [] : [`  Temporal UI  ${up.uiUrl}`]),
    `  model        ${up.model} (${up.because})`,
    ...scripted,
    `  agents       ${up.agents.join(', ')}`,
    '',
    `Talk to it, in another terminal:  npx perdure chat${url}`,
    'Ctrl-C stops everything.',
  ];
}
