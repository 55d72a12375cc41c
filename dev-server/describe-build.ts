import { formatDuration } from '../core/text/format-duration.ts';

/** Progress of a Go build: it first downloads modules, then compiles packages. */
export interface BuildCounts {
  readonly modules: number;
  readonly packages: number;
}

/** Packages of the program and the standard library (`go list -deps`). Those in Go's build cache are not compiled again. */
const MAX_PACKAGES = 1_300;

/** The progress of a build in one line. */
export function describeBuild({ modules, packages }: BuildCounts, elapsedMs: number): string {
  const elapsed = `(${formatDuration(elapsedMs)})`;
  if (packages > 0)
    return `compiling Temporal: ${packages} of at most ${MAX_PACKAGES.toLocaleString('en')} packages ${elapsed}`;
  if (modules > 0) return `downloading Go modules: ${modules} so far ${elapsed}`;
  return `resolving Go modules ${elapsed}`;
}
