/** The message in which a model gets the summary of older messages. */
export function summaryNote(text: string): string {
  return `[Summary of the earlier messages of this conversation, which are not shown any more]\n${text}`;
}

/** The message that stands for messages which the context window has no room for. */
export function omissionNote(omitted: number): string {
  const what =
    omitted === 1 ? 'An older message of this conversation is' : `${omitted} older messages of this conversation are`;
  return `[${what} not shown: the context window has no room for more.]`;
}
