/** A text as a value in a filter of Temporal's lists, quoted. */
export function filterValue(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
