/** Prints the progress of a service while it starts and stops. */
export interface ProgressReporter {
  /** Prints the start of a step, with a hint, and a line at least every 2.5 s until it ends. */
  step(text: string, hint?: string): void;
  /** Prints a detail of the current step. */
  note(text: string): void;
  /** Ends the current step. */
  done(): void;
}

/** Maximum time without a line during a step. */
const MAX_SILENCE_MS = 2_500;

export function createProgressReporter(print: (line: string) => void): ProgressReporter {
  let timer: NodeJS.Timeout | undefined;
  let startedAt = 0;
  let current = '';

  function restartTimer(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      print(`  still ${current} (${Math.round((Date.now() - startedAt) / 1_000)} s)`);
      restartTimer();
    }, MAX_SILENCE_MS);
    timer.unref();
  }

  return {
    step(text, hint) {
      current = `${text[0]?.toLowerCase()}${text.slice(1)}`;
      startedAt = Date.now();
      print(hint === undefined ? `${text}…` : `${text}… ${hint}`);
      restartTimer();
    },
    note(text) {
      print(`  ${text}`);
      if (timer !== undefined) restartTimer();
    },
    done() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
