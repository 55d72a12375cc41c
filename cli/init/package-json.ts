/** The fields of a package.json that `perdure init` reads. */
export interface PackageJson {
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Reads a package.json; null if it is not a JSON object. */
export function parsePackageJson(content: string): PackageJson | null {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Returns the names that are not among a package's dependencies. */
export function missingFrom(parsed: PackageJson | null, names: readonly string[]): readonly string[] {
  const { dependencies = {}, devDependencies = {} } = parsed ?? {};
  return names.filter((name) => !(name in dependencies) && !(name in devDependencies));
}
