/** The content of a file as a data URL. */
export function dataUrlOf({ contentType, base64 }: { readonly contentType: string; readonly base64: string }): string {
  return `data:${contentType};base64,${base64}`;
}
