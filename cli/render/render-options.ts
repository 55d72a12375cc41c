import type { Paint } from '../shared/command-deps.ts';

/** How events are rendered. */
export interface RenderOptions {
  /** True: text and reasoning appear as they arrive. False: only committed text, in whole lines. */
  readonly live: boolean;
  readonly paint: Paint;
  /** Columns at which text is wrapped at words; undefined: it is not. */
  readonly width?: number | undefined;
}
