/** Returns the UTC day, `YYYY-MM-DD`, of an ISO 8601 time. */
export function dayOf(at: string): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Returns the month, `YYYY-MM`, of a day. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** Returns the first day of a day's month. */
export function firstOfMonth(day: string): string {
  return `${monthOf(day)}-01`;
}

/** Returns when the next day begins, ISO 8601 UTC. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString();
}

/** Returns when the next month begins, ISO 8601 UTC. */
export function nextMonth(day: string): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month, 1)).toISOString();
}
