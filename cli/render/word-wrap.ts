import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';

/** Where a text that arrives in pieces is on its line, and what of it is not written yet. */
export interface WrapState {
  /** The columns that the current line takes. */
  readonly column: number;
  /** Spaces to write before the next word, unless it begins a new line. */
  readonly spaces: string;
  /** The word that may still grow. */
  readonly word: string;
  /** Indentation of the lines on which the current one continues, in columns. */
  readonly indent: number;
  /** What is not wrapped: the rest of a `word` or a `line`, or a block of code, by the fence that ends it. */
  readonly verbatim: string | null;
  /** The last character of a `word` that is not wrapped: its rest may be in the next piece. */
  readonly lastCharacter: string;
  /** The current line of a block of code. */
  readonly codeLine: string;
}

export const LINE_START: WrapState = {
  column: 0,
  spaces: '',
  word: '',
  indent: 0,
  verbatim: null,
  lastCharacter: '',
  codeLine: '',
};

/** A character of a script without spaces between words. */
const WIDE = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\u3000-\u303F\uFF01-\uFF60]\p{M}*`;
const TOKENS = new RegExp(String.raw`\n|[ \t]+|${WIDE}|\p{M}+|(?:(?!${WIDE})[^ \t\n])+`, 'gu');
const STARTS_WIDE = new RegExp(`^${WIDE}`, 'u');
const ENDS_WIDE = new RegExp(`${WIDE}$`, 'u');
/** Characters that never begin a line, and those that never end one. */
const CLOSING = /^[\p{M}\p{Pe}\p{Pf}\p{Po}ー〜々っゃゅょッャュョ]/u;
const OPENING = /[\p{Ps}\p{Pi}]$/u;

const FENCE = /^(?:`{3,}(?!.*`)|~{3,})/;
/** The first word of a list item, a quotation or a notice. */
const MARKER = /^(?:[^\p{L}\p{N}\s]|\d{1,3}[.)])$/u;
const TAB_COLUMNS = 8;
const GRAPHEMES = new Intl.Segmenter();

/**
 * Wraps the next piece of a text at words within `width` columns. Returns the text to write now, which is whole words:
 * nothing written is changed later. A word wider than a line, such as a URL, is not broken; nor are tables and fenced code.
 */
export function wrapPiece(state: WrapState, piece: string, width: number): { state: WrapState; text: string } {
  const line: Line = { ...state, text: '' };
  for (const [token] of piece.matchAll(TOKENS)) addToken(line, token, width);
  const { text, ...next } = line;
  return { state: next, text };
}

/** Returns the word that is not written yet when the text has ended. */
export function wrapEnd(state: WrapState, width: number): string {
  const line: Line = { ...state, text: '' };
  placeWord(line, width);
  return line.text;
}

/** Wraps a whole text, which may have styles. Unchanged if `width` is undefined. */
export function wrapText(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  const wrapped = wrapPiece(LINE_START, text, width);
  return wrapped.text + wrapEnd(wrapped.state, width);
}

type Line = { -readonly [K in keyof WrapState]: WrapState[K] } & { text: string };

function addToken(line: Line, token: string, width: number): void {
  if (token === '\n') return endLine(line, width);
  const isSpace = token.startsWith(' ') || token.startsWith('\t');
  if (isSpace) {
    placeWord(line, width);
    if (line.verbatim === 'word') line.verbatim = null;
  }
  if (line.word !== '' && canBreak(line.word, token)) placeWord(line, width);
  if (line.verbatim !== null) writeVerbatim(line, token, width);
  else if (isSpace) line.spaces += token;
  else line.word += token;
  // Only the whole first word of a line shows whether it is a fence.
  const mayBeFence = line.column === 0 && /^(?:`{3}|~{3})/.test(line.word);
  if (!mayBeFence && line.word.length > width && stringWidth(line.word) > width) {
    line.lastCharacter = lastCharacter(line.word);
    placeWord(line, width);
    line.verbatim ??= 'word';
  }
}

function endLine(line: Line, width: number): void {
  placeWord(line, width);
  const { verbatim } = line;
  const code = line.codeLine.trim();
  const isOver = verbatim === 'word' || verbatim === 'line';
  if (isOver || (verbatim !== null && code.startsWith(verbatim) && FENCE.exec(code)?.[0] === code))
    line.verbatim = null;
  Object.assign(line, { column: 0, spaces: '', indent: 0, codeLine: '', text: `${line.text}\n` });
}

function writeVerbatim(line: Line, token: string, width: number): void {
  line.text += token;
  if (line.verbatim === 'word') {
    const before = line.lastCharacter;
    const text = before + token;
    line.column = columnAfter(line.column + stringWidth(text) - stringWidth(before), width);
    line.lastCharacter = lastCharacter(text);
  } else if (line.verbatim !== 'line') line.codeLine += token;
}

/** Writes the word, on the next line if it does not fit. */
function placeWord(line: Line, width: number): void {
  const { word, spaces, column } = line;
  if (word === '') return;
  const gap = columnsOf(spaces, column);
  if (column === 0) beginLine(line, stripVTControlCharacters(word), gap, width);
  const columns = stringWidth(word);
  const fits = line.verbatim !== null || column + gap + columns <= width;
  // A word that fits on a line only without its indentation gets none.
  const indent = column > 0 && line.indent + columns <= width ? line.indent : 0;
  if (!fits && column > 0) line.text += '\n';
  line.text += (fits ? spaces : ' '.repeat(indent)) + word;
  line.column = columnAfter((fits ? column + gap : indent) + columns, width);
  line.spaces = '';
  line.word = '';
}

/** Determines by the first word of a line how its rest is wrapped. */
function beginLine(line: Line, first: string, gap: number, width: number): void {
  const [fence] = FENCE.exec(first) ?? [];
  if (fence !== undefined) line.verbatim = fence;
  else if (first.startsWith('|')) line.verbatim = 'line';
  const marker = MARKER.test(first) ? stringWidth(first) + 1 : 0;
  line.indent = gap + marker <= width / 2 ? gap + marker : 0;
}

function canBreak(before: string, after: string): boolean {
  return (ENDS_WIDE.test(before) || STARTS_WIDE.test(after)) && !CLOSING.test(after) && !OPENING.test(before);
}

/** The column after the terminal has broken what is wider than a line. */
function columnAfter(columns: number, width: number): number {
  return columns > width ? ((columns - 1) % width) + 1 : columns;
}

function lastCharacter(text: string): string {
  return [...GRAPHEMES.segment(text)].at(-1)?.segment ?? '';
}

function columnsOf(spaces: string, from: number): number {
  let column = from;
  for (const space of spaces) column += space === '\t' ? TAB_COLUMNS - (column % TAB_COLUMNS) : 1;
  return column - from;
}
