import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { DOCUMENTS, read, ROOT } from './documents.ts';

/** The folders at the root; `agents/` is left out, because in the documents it is the reader's own folder. */
const FOLDERS = globSync('[a-z]*/', { cwd: ROOT })
  .map((path) => path.replace(/\/$/, ''))
  .filter((folder) => folder !== 'agents');

test.each(DOCUMENTS)('every link in %s leads somewhere', (document) => {
  const broken = linksOf(read(document)).filter((link) => !resolves(document, link));

  expect(broken).toEqual([]);
});

test.each(DOCUMENTS)('every path of the repository that %s names is there', (document) => {
  const text = read(document).replaceAll(/^( *)```.*?^\1```$/gms, '');
  const paths = [...text.matchAll(/`([\w.-]+)(\/[\w./-]*)`/g)]
    .filter(([, folder = '']) => FOLDERS.includes(folder))
    .map(([, folder = '', rest = '']) => `${folder}${rest}`);

  expect(paths.filter((path) => !existsSync(join(ROOT, path)) && !resolves(document, path))).toEqual([]);
});

test('every document is reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const document of reached) {
    for (const link of linksOf(read(document))) {
      const path = join(dirname(document), link.split('#', 1)[0] ?? '');
      // A link to a folder leads to all that is in it.
      for (const other of DOCUMENTS) {
        if (other === path || dirname(other) === path.replace(/\/$/, '')) reached.add(other);
      }
    }
  }

  expect(DOCUMENTS.filter((document) => !reached.has(document) && document !== 'CHANGELOG.md')).toEqual([]);
});

/** Links to files and headings of the repository; code is no link. */
function linksOf(markdown: string): string[] {
  const text = markdown
    .replaceAll(/^( *)```.*?^\1```$/gms, '')
    .replaceAll(/`[^`\n]*`(\])?/g, (_code, end: string | undefined) => end ?? '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function resolves(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
  if (!existsSync(target)) return false;
  return anchor === undefined || (statSync(target).isFile() && headings(readFileSync(target, 'utf8')).includes(anchor));
}

/** Anchors as GitHub makes them of headings. */
function headings(markdown: string): string[] {
  return [...markdown.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
