import { pauseKindSchema, type Pause } from '../../contracts/admin/pause.ts';

/** What a pause covers. */
export type PauseScope = Pick<Pause, 'kind' | 'name'>;

/** The id of a pause: `all`, or the kind and the name, such as `agent:support`. */
export function pauseId({ kind, name }: PauseScope): string {
  return name === null ? kind : `${kind}:${name}`;
}

/** Parses the id of a pause; null if it is none. A name may contain colons. */
export function parsePauseId(id: string): PauseScope | null {
  if (id === 'all') return { kind: 'all', name: null };
  const colon = id.indexOf(':');
  const name = id.slice(colon + 1);
  const kind = pauseKindSchema.exclude(['all']).safeParse(id.slice(0, Math.max(0, colon)));
  return kind.success && name !== '' ? { kind: kind.data, name } : null;
}
