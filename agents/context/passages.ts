import MiniSearch from 'minisearch';

/** A part of a document: the text under one heading, or a piece of it. */
export interface Passage {
  /** The file, relative to the folder, and the headings above the text: `returns.md › Refunds › Deadlines`. */
  readonly source: string;
  readonly text: string;
}

/** Longer sections are split between paragraphs. */
const MAX_CHARACTERS = 1_500;
/** A passage whose score is lower, as a part of the best one's, has only common words of the question. */
const MIN_SHARE = 0.25;

/** Splits a Markdown document at its headings, and long sections at their paragraphs. */
export function passagesOf(file: string, markdown: string): Passage[] {
  const passages: Passage[] = [];
  const headings: string[] = [];
  let paragraphs: string[] = [];
  const flush = (): void => {
    const source = [file, ...headings.filter((heading) => heading !== '')].join(' › ');
    for (const text of joinUpTo(paragraphs, MAX_CHARACTERS)) passages.push({ source, text });
    paragraphs = [];
  };
  for (const block of blocksOf(markdown)) {
    const [, marks, heading] = /^(#{1,6})\s+(.+?)\s*#*$/.exec(block) ?? [];
    if (marks === undefined || heading === undefined) {
      paragraphs.push(block);
      continue;
    }
    flush();
    headings.length = Math.min(headings.length, marks.length - 1);
    while (headings.length < marks.length - 1) headings.push('');
    headings.push(heading);
  }
  flush();
  return passages;
}

/** Headings, paragraphs and fenced code, in order. */
function blocksOf(markdown: string): string[] {
  const blocks: string[] = [];
  let lines: string[] = [];
  let fence: string | null = null;
  const end = (): void => {
    const text = lines.join('\n').trim();
    if (text !== '') blocks.push(text);
    lines = [];
  };
  for (const line of markdown.replace(/^---\r?\n[^]*?\r?\n---\r?\n/, '').split(/\r?\n/)) {
    const mark = /^\s{0,3}(```|~~~)/.exec(line)?.[1] ?? null;
    if (fence === null && mark === null && (line.trim() === '' || /^#{1,6}\s/.test(line))) {
      end();
      if (line.trim() !== '') blocks.push(line.trim());
      continue;
    }
    if (mark !== null) fence = fence === null ? mark : fence === mark ? null : fence;
    lines.push(line);
  }
  end();
  return blocks;
}

/** Joins paragraphs to texts of at most `most` characters. A paragraph that is longer is cut into pieces. */
function joinUpTo(paragraphs: readonly string[], most: number): string[] {
  const texts: string[] = [];
  for (const paragraph of paragraphs) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + paragraph.length + 2 <= most) {
      texts[texts.length - 1] = `${last}\n\n${paragraph}`;
      continue;
    }
    for (let at = 0; at < paragraph.length; at += most) texts.push(paragraph.slice(at, at + most).toWellFormed());
  }
  return texts;
}

/** A full-text index of passages. */
export class PassageIndex {
  readonly #passages: readonly Passage[];
  readonly #index: MiniSearch<{ readonly id: number } & Passage>;

  private constructor(passages: readonly Passage[], index: MiniSearch<{ readonly id: number } & Passage>) {
    this.#passages = passages;
    this.#index = index;
  }

  /** Indexes in pieces, so that other work has its turn. */
  static async of(passages: readonly Passage[]): Promise<PassageIndex> {
    const index = new MiniSearch<{ readonly id: number } & Passage>({ fields: ['source', 'text'] });
    await index.addAllAsync(
      passages.map((passage, id) => ({ id, ...passage })),
      { chunkSize: 50 },
    );
    return new PassageIndex(passages, index);
  }

  /** The best passages for a question, the best first. Ranked by BM25; words in headings count twice, and a typing error of a long word is tolerated. */
  search(question: string, most: number): Passage[] {
    const found = this.#index.search(question, {
      boost: { source: 2 },
      fuzzy: (term) => (term.length > 5 ? 0.2 : false),
      combineWith: 'OR',
    });
    const best = found[0]?.score ?? 0;
    return found
      .filter(({ score }) => score >= MIN_SHARE * best)
      .slice(0, most)
      .flatMap(({ id }) => this.#passages[id as number] ?? []);
  }
}
