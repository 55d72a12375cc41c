/** A number with its noun: `1 step`, `1,200 tokens`; `unknown tokens` for null. */
export function formatCount(value: number | null, singular: string, plural = `${singular}s`): string {
  if (value === null) return `unknown ${plural}`;
  return `${value.toLocaleString('en')} ${value === 1 ? singular : plural}`;
}
