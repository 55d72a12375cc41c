import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { backgroundActivities } from './activity-proxies.ts';

/** What the session's runs have left for the background. The store has it: here is only whether to look for it. */
export class SessionBackground {
  readonly #fairness: string;
  #isDue = false;
  #isHeld = false;
  #scope: CancellationScope | null = null;

  constructor(fairness: string) {
    this.#fairness = fairness;
  }

  /** Whether no activity of the background is executing. */
  get isQuiescent(): boolean {
    return this.#scope === null;
  }

  /** Whether something may be left. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Starts an activity for what is left; one that is executing is followed by another. */
  begin(): void {
    this.#isDue = true;
    if (this.#scope === null && !this.#isHeld) void this.#work(new CancellationScope());
  }

  /** Ends the activity, so that the next execution starts another. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#scope?.cancel();
  }

  /** Never rejects. Where the activity fails, upkeep signals the session again. */
  async #work(scope: CancellationScope): Promise<void> {
    this.#scope = scope;
    try {
      while (this.#isDue && !this.#isHeld) {
        this.#isDue = false;
        const { more = false } = await scope.run(() => this.#call());
        this.#isDue ||= more;
      }
    } catch (error) {
      this.#isDue ||= isCancellation(error);
      if (!isCancellation(error) && !(error instanceof ActivityFailure)) throw error;
    } finally {
      this.#scope = null;
    }
  }

  #call() {
    const options = { summary: 'afterRun, in the background', priority: { fairnessKey: this.#fairness } };
    return backgroundActivities.callInBackground.executeWithOptions(options, []);
  }
}
