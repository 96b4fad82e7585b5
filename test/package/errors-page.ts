/** Writes the tables of docs/errors.md and of its translation. Each table follows a comment that has its name. */
import { ADVICE } from '../../src/request/advice.ts';
import { ADVICE_ZH, type CodeRow, LIBRARY, LOG, UPPY, type Words } from './errors-table.ts';

export type Language = keyof Words;

/** The documents by their languages. */
export const PAGES: Readonly<Record<Language, string>> = { en: 'docs/errors.md', zh: 'docs/zh-CN/errors.md' };

const HEADS = {
  en: { codes: ['Code', 'Class', 'Cause', 'Cure'], refusals: ['Code', 'Hint in the message'] },
  zh: { codes: ['错误码', '类', '原因', '怎么办'], refusals: ['错误码', '信息里的提示', '意思'] },
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`);
  return lines.join('').replace('| --- |', '|---|').replaceAll(' --- |', '---|');
}

function codeTable(codes: Readonly<Record<string, CodeRow>>, language: Language): string {
  const rows = Object.entries(codes).map(([code, row]) => [
    `\`${code}\``,
    row.class,
    row.cause[language],
    row.cure[language],
  ]);
  return table(HEADS[language].codes, rows);
}

/** A refusal for which there is advice: the codes, and a word that the message must contain. */
export interface Refusal {
  readonly codes: readonly string[];
  readonly word?: string | undefined;
}

/** Reads a key of the table of advice, which is the beginning of a regular expression. */
export function refusalOf(key: string): Refusal {
  const [codes = '', word] = key.split(' .*');
  return { codes: codes.replace('\\w+', 'Entity').split('|'), word };
}

function nameOf(key: string, language: Language): string {
  const { codes, word } = refusalOf(key);
  const names = codes.map((code) => `\`${code}\``).join(language === 'en' ? ', ' : '、');
  if (!word) return names;
  return language === 'en' ? `${names}, with “${word}” in its message` : `${names}，信息里有“${word}”`;
}

function refusalTable(language: Language): string {
  const rows = Object.entries(ADVICE).map(([key, advice]) => {
    const meaning = language === 'zh' ? [ADVICE_ZH[key] ?? '?'] : [];
    return [nameOf(key, language), advice, ...meaning];
  });
  return table(HEADS[language].refusals, rows);
}

/** Returns the document with new tables. Throws an error if a table has no place in it. */
export function withTables(document: string, language: Language): string {
  const tables = {
    library: codeTable(LIBRARY, language),
    refusals: refusalTable(language),
    log: codeTable(LOG, language),
    uppy: codeTable(UPPY, language),
  };
  return Object.entries(tables).reduce((text, [name, rows]) => {
    const place = new RegExp(`(<!-- npm run docs:errors: ${name} -->\n\n)(?:\\|.*\n)*`);
    const mark = `<!-- npm run docs:errors: ${name} -->`;
    if (!place.test(text)) throw new Error(`The document has no place for the table "${name}": add the line ${mark}`);
    return text.replace(place, (_all, line: string) => line + rows);
  }, document);
}
