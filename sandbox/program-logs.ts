/** The lines that a program writes, up to a size. */
export class ProgramLogs {
  readonly lines: string[] = [];
  #left: number;

  constructor(maxCharacters: number) {
    this.#left = maxCharacters;
  }

  add(line: string): void {
    if (this.#left <= 0) return;
    const kept = line.slice(0, this.#left);
    this.#left -= line.length + 1;
    this.lines.push(this.#left > 0 ? kept : `${kept} … The rest of the output is left out.`);
  }
}
