/** The answer that belongs to a message. */
export function answerTo(id: string): string {
  return `answer-${id}`;
}

/** A message for the scripted model: half stream for a second, some call tools, some are answered at once. */
export function scriptOf(id: string, random: () => number): string {
  const kind = random();
  const answer = `@echo=${answerTo(id)}`;
  if (kind < 0.2) return `Go. ${answer}`;
  if (kind < 0.6) return `Go. ${answer} @chunks=20 @delay=50`;
  const tool = (name: string, ms: number) => `@tool=${name}:${JSON.stringify({ mark: id, ms })}`;
  const first = kind < 0.8 ? tool('note', 100) : tool('note_apart', 300);
  return `Go. @chunks=5 @delay=20 ${first} @then @chunks=5 @delay=20 ${tool('act', 300)} @then ${answer} @chunks=10 @delay=20`;
}
