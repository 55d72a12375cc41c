/** The end of a run's id on a terminal, as in the Temporal UI; commands accept it. The whole id for programs. */
export function shortRunId(id: string, terminal: boolean): string {
  return terminal ? id.slice(-8) : id;
}

/** The end of an item's id on a terminal; commands accept it. The whole id for programs. */
export function shortItemId(id: string, terminal: boolean): string {
  return terminal ? id.slice(-8) : id;
}
