/** Says what is being done, and that it is still being done, so that nobody wonders. */
export interface ProgressReporter {
  /** A line, and from now on the thing that is said to take long. */
  step(text: string): void;
  /** A line. */
  note(text: string): void;
  /** Nothing is being done any more. */
  done(): void;
}

/** Silence after which it is said again. */
const SILENCE_MS = 2_500;

export function createProgressReporter(print: (line: string) => void): ProgressReporter {
  let timer: NodeJS.Timeout | undefined;
  let started = 0;
  let current = '';

  function listen(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      print(`  still ${current} (${Math.round((Date.now() - started) / 1_000)} s)`);
      listen();
    }, SILENCE_MS);
    timer.unref();
  }

  return {
    step(text) {
      current = `${text[0]?.toLowerCase()}${text.slice(1)}`;
      started = Date.now();
      print(`${text}…`);
      listen();
    },
    note(text) {
      print(`  ${text}`);
      if (timer !== undefined) listen();
    },
    done() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
