/** The id of a call below another one: the call of a program, or a question that is asked in the middle of a call. No call of a model has a slash in its id. */
export function programCallId(program: string, index: number): string {
  return `${program}/${index}`;
}
