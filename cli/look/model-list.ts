/** The models of a run, in the order in which they are asked. */
export function modelList({
  model,
  fallbackModels = [],
}: {
  readonly model: string | null;
  readonly fallbackModels?: readonly string[] | undefined;
}): string {
  return model === null ? 'unknown' : [model, ...fallbackModels].join(', then ');
}
