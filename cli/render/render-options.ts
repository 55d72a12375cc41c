import type { Paint } from '../shared/command-deps.ts';

/** How events are shown. */
export interface RenderOptions {
  /** True: text appears as it comes, thoughts too. False: whole lines only, once they are committed. */
  readonly live: boolean;
  readonly paint: Paint;
}
