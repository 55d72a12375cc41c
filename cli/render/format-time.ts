import { formatDuration } from '../../core/text/format-duration.ts';

/** A time is shown relative to now if it is at most this far away. */
const RELATIVE_MS = 24 * 3_600_000;

/** How times are shown. */
export interface TimeStyle {
  /** On a terminal times are for people: relative, or in local time. Otherwise they are ISO 8601 UTC, for programs. */
  readonly terminal: boolean;
  readonly nowMs?: number;
}

/** A time in a table: `2 min ago`, `in 5 s`, or the local date and time when it is more than a day away. */
export function formatTime(iso: string, { terminal, nowMs = Date.now() }: TimeStyle): string {
  if (!terminal) return iso;
  const agoMs = nowMs - Date.parse(iso);
  if (Math.abs(agoMs) >= RELATIVE_MS) return localTime(iso);
  if (Math.abs(agoMs) < 1_000) return 'now';
  const amount = formatDuration(Math.abs(agoMs)).split(' ').slice(0, 2).join(' ');
  return agoMs > 0 ? `${amount} ago` : `in ${amount}`;
}

/** A time on a line of its own: local time, with the distance to now. */
export function formatTimeFully(iso: string, style: TimeStyle): string {
  if (!style.terminal) return iso;
  const relative = formatTime(iso, style);
  const local = localTime(iso);
  return relative === local ? local : `${local} (${relative})`;
}

/** Local date and time without seconds, such as `2026-11-27 10:31`. */
function localTime(iso: string): string {
  const at = new Date(iso);
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(twoDigits).join('-');
  return `${day} ${[at.getHours(), at.getMinutes()].map(twoDigits).join(':')}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
