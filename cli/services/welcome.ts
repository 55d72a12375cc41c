import { wrapText } from '../render/word-wrap.ts';

/** Columns of the labels. */
const LABEL_COLUMNS = 15;

/** Returns the lines that `perdure start` prints when it is ready, wrapped at `width` columns if that is set. */
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
  width?: number | undefined;
}): string[] {
  const row = (label: string, value: string): string[] => labelled(label, value, up.width);
  const scripted = up.model.startsWith('scripted/')
    ? row('', 'The answers are scripted: no language model is used. Set OPENAI_API_KEY or OPENAI_BASE_URL to use one.')
    : [];
  const url = up.gateway === 'http://127.0.0.1:4747' ? '' : ` --url ${up.gateway}`;
  return [
    '',
    'Perdure is ready.',
    ...row('gateway', up.gateway),
    ...(up.temporal === null
      ? []
      : [
          ...row('Temporal', up.temporal.address),
          ...row('Temporal UI', up.temporal.uiUrl ?? 'off; start with --ui to turn it on'),
        ]),
    ...(up.inMemory ? row('data', 'in memory; lost when this process ends') : []),
    ...row('model', `${up.model} (${up.because})`),
    ...scripted,
    ...row('agents', up.agents.join(', ')),
    ...(up.watching === null ? [] : row('', `reloaded when files in ${up.watching} change`)),
    '',
    `Chat in another terminal:  npx perdure chat${url}`,
    'Ctrl-C stops everything.',
  ];
}

function labelled(label: string, value: string, width: number | undefined): string[] {
  const columns = width === undefined || width < 2 * LABEL_COLUMNS ? undefined : width - LABEL_COLUMNS;
  const lines = wrapText(value, columns).split('\n');
  return lines.map((line, at) => `${(at === 0 ? `  ${label}` : '').padEnd(LABEL_COLUMNS)}${line}`);
}
