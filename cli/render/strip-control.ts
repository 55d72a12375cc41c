/** Removes control sequences, such as those that move the cursor, set colours or ring a terminal's bell. Line breaks (as `\n`) and tabs stay. */
export function stripControl(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
