/** The day of a time, `YYYY-MM-DD`, UTC. `at` is ISO 8601 in UTC. */
export function dayOf(at: string): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** The month of a day, `YYYY-MM`. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** The first day of the month that a day is in. */
export function firstOfMonth(day: string): string {
  return `${monthOf(day)}-01`;
}

/** When the next day begins, ISO 8601. */
export function nextDay(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString();
}

/** When the next month begins, ISO 8601. */
export function nextMonth(day: string): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month, 1)).toISOString();
}
