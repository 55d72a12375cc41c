import { formatDuration } from '../core/text/format-duration.ts';

/** What a Go toolchain has told of a build so far. First it downloads, then it compiles. */
export interface BuildCounts {
  readonly modules: number;
  readonly packages: number;
}

/** Packages in the program, the standard library's included (`go list -deps`); those in Go's cache are not compiled again. */
const PACKAGES = 1_300;

/** How far a build is, in a line. */
export function describeBuild({ modules, packages }: BuildCounts, elapsedMs: number): string {
  const so = `(${formatDuration(elapsedMs)})`;
  if (packages > 0) return `compiling Temporal: ${packages} of at most ${PACKAGES.toLocaleString('en')} packages ${so}`;
  if (modules > 0)
    return `downloading what Temporal is built from: ${modules} ${modules === 1 ? 'module' : 'modules'} so far ${so}`;
  return `looking for what Temporal is built from ${so}`;
}
