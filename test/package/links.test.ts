/** Checks that every link and picture of every document leads to a file, and to a heading, that exist. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '*.md', 'llms.txt'], { cwd: root, encoding: 'utf8' });
const documents = tracked.trim().split('\n');

/** Returns the text without blocks of code, in which brackets are not links. */
function prose(file: string): string {
  return readFileSync(join(root, file), 'utf8').replace(/^```.*?^```/gms, '');
}

/**
 * Returns the anchors of a document: those that GitHub gives to its headings, and those in HTML. GitHub numbers headings
 * that have the same text.
 */
function anchors(file: string): (string | undefined)[] {
  const seen = new Map<string, number>();
  const inHtml = [...prose(file).matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id);
  const ofHeadings = [...prose(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count > 0 ? `${anchor}-${count}` : anchor;
  });
  return [...inHtml, ...ofHeadings];
}

/** Returns the targets of the links and pictures, in Markdown and in HTML. */
function linksOf(file: string): string[] {
  const text = prose(file).replace(/`[^`\n]*`/g, '');
  const found = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/\b(?:href|src|srcset)="([^"]+)"/g)];
  return found.map(([, link = '']) => link);
}

test.each(documents)('every link and picture of %s leads somewhere', (file) => {
  const broken = linksOf(file).filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path ? join(dirname(file), path) : file;
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchors(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('documents of every folder are found, with links in Markdown and pictures in HTML', () => {
  const some = ['README.md', 'llms.txt', 'docs/edge.md', 'docs/zh-CN/edge.md', 'docs/api/index.md'];
  expect(documents).toEqual(expect.arrayContaining([...some, 'demo/examples/README.md']));
  expect(linksOf('README.md')).toEqual(expect.arrayContaining(['demo/page.webp', 'docs/parts.svg', '#logs']));
});

test('llms.txt names every guide', () => {
  const guides = documents.filter((file) => /^docs\/[^/]+\.md$/.test(file));
  expect(linksOf('llms.txt')).toEqual(expect.arrayContaining(guides));
});
