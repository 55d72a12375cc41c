import { missingFrom, parsePackageJson } from './package-json.ts';

/** Returns the changes that an existing file needs; null for none. */
export function existingFileAdvice(path: string, content: string): string | null {
  if (path === 'package.json') return packageAdvice(content);
  if (path === '.gitignore') return ignoreAdvice(content);
  return null;
}

function packageAdvice(content: string): string | null {
  const parsed = parsePackageJson(content);
  if (parsed === null) return 'it is not valid JSON; correct it first';
  const missing = missingFrom(parsed, ['perdure', 'zod']);
  const parts = [
    ...(parsed.type === 'module' ? [] : ['set "type": "module"']),
    ...(parsed.scripts?.['start'] === undefined ? ['add the script "start": "perdure start"'] : []),
    ...(missing.length === 0 ? [] : [`add ${missing.join(' and ')} with npm install ${missing.join(' ')}`]),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}

function ignoreAdvice(content: string): string | null {
  const lines = new Set(content.split(/\r?\n/).map((line) => line.trim().replaceAll(/^\/|\/$/g, '')));
  const missing = ['node_modules', '.perdure', '.env'].filter((name) => !lines.has(name));
  return missing.length === 0 ? null : `add ${missing.join(', ')}`;
}
