/** An attempt of a step's model call. */
export interface StepTry {
  readonly step: number;
  readonly attempt: number;
  /** `provider/model`. */
  readonly model: string;
  /** Whether it gave the step's reply. */
  readonly answered: boolean;
  /** Whether the step makes no further call to the model: another one is asked next. */
  readonly gaveUp: boolean;
  readonly errorCode: string | null;
}

/** A model that gave no answer in a step, so that another one is asked. */
export interface FailedModel {
  readonly model: string;
  readonly errorCode: string;
  /** Calls to it in this step, since the run was last resumed. */
  readonly attempts: number;
}

/** Which models a step may ask next. */
export interface ModelPlan {
  /** In the order in which they are asked. Never empty. */
  readonly candidates: readonly string[];
  /** The models that are not asked any more. */
  readonly failed: readonly FailedModel[];
  /** Calls of this step to a model so far, since the run was last resumed. */
  readonly attemptsOf: (model: string) => number;
}

export interface StepToPlan {
  /** The models of the run's agent, the preferred one first. */
  readonly models: readonly string[];
  readonly step: number;
  /** Attempts of the step up to this number were made before the run was last resumed. */
  readonly attemptsBefore: number;
  /** Whether the run starts or is resumed with this step. */
  readonly starts: boolean;
  /** The attempts of this step and of the one before, in order. */
  readonly tries: readonly StepTry[];
}

/**
 * Plans which models a step asks. A step keeps to the model that it asked last, then goes on in the order of the list, and
 * from its end to its beginning. A new step begins with the model that answered the one before, so that a conversation does
 * not change its model at each step; a run begins with the first.
 */
export function planModels({ models, step, attemptsBefore, starts, tries }: StepToPlan): ModelPlan {
  const own = tries.filter((one) => one.step === step && one.attempt > attemptsBefore);
  const last = own.at(-1)?.model;
  const previous = starts ? undefined : tries.findLast((one) => one.step === step - 1 && one.answered)?.model;
  const ordered = beginningWith(models, last ?? previous);
  const attemptsOf = (model: string) => own.filter((one) => one.model === model).length;
  const failed = ordered.flatMap((model): FailedModel[] => {
    const newest = own.findLast((one) => one.model === model);
    if (newest?.gaveUp !== true) return [];
    return [{ model, errorCode: newest.errorCode ?? 'internal', attempts: attemptsOf(model) }];
  });
  const candidates = ordered.filter((model) => !failed.some((one) => one.model === model));
  // All have failed, and the worker died before it ended the run: the last one is asked again.
  return { candidates: candidates.length > 0 ? candidates : ordered.slice(0, 1), failed, attemptsOf };
}

function beginningWith(models: readonly string[], first: string | undefined): readonly string[] {
  const at = first === undefined ? 0 : Math.max(0, models.indexOf(first));
  return [...models.slice(at), ...models.slice(0, at)];
}

/** A model call that failed. */
export interface FailedTry {
  readonly retryable: boolean;
  /** Calls of the step to this model, this one included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Whether the provider requires a longer pause than the back-off. */
  readonly mustPause: boolean;
  /** How many other models the step may still ask. */
  readonly others: number;
}

/** What follows a failed call: `retry` it with the same model, ask the `next` model, or `end` the run. */
export function afterFailedTry({ retryable, attempts, maxAttempts, mustPause, others }: FailedTry) {
  if (retryable && attempts < maxAttempts && !(mustPause && others > 0)) return 'retry';
  return others > 0 ? 'next' : 'end';
}

/** States which models have failed before; '' for none. */
export function describeFailedModels(failed: readonly FailedModel[]): string {
  if (failed.length === 0) return '';
  const each = failed.map(({ model, errorCode, attempts }) => {
    const calls = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
    return `${model} (${errorCode}, ${calls})`;
  });
  return ` Asked before, without an answer: ${each.join(', ')}.`;
}
