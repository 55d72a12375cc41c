import type { Json } from '../../contracts/json.ts';

/** Whether arrays and objects of a JSON value are nested on more than `levels` levels. Does not recurse, so no value overflows the stack. */
export function isNestedDeeper(value: Json, levels: number): boolean {
  let containers = containersIn([value]);
  for (let depth = 1; containers.length > 0; depth += 1) {
    if (depth > levels) return true;
    containers = containersIn(containers.flatMap((container) => Object.values(container) as Json[]));
  }
  return false;
}

function containersIn(values: readonly Json[]): object[] {
  return values.filter((value) => typeof value === 'object' && value !== null);
}
