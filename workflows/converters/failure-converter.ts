import { DefaultFailureConverter } from '@temporalio/common';
import { failureConverter as encoding } from './encoded-failures.ts';

/** Set at the beginning of the bundle of a worker whose codecs encrypt (`worker/workflow-bundle.ts`). */
declare const perdureEncodesFailures: true | undefined;

/** The failure converter of the workflow bundle. Failures are in no command that a replay compares. */
export const failureConverter =
  typeof perdureEncodesFailures === 'undefined' ? new DefaultFailureConverter() : encoding;
