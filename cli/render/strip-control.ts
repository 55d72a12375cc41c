/** Removes what would move the cursor, set colours or sound the bell of a terminal. Line breaks (as `\n`) and tabs stay. */
export function stripControl(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
