/** Checks that every link between the documents leads to a file and a heading that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = [
  ...readdirSync(root).filter((name) => /\.md$|^llms\.txt$/.test(name)),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('api/'))
    .map((name) => join('docs', name)),
];

/** Returns the text without code, in which brackets are not links. */
function prose(file: string): string {
  return readFileSync(join(root, file), 'utf8').replace(/^```.*?^```/gms, '');
}

/** Returns the anchors that GitHub gives to the headings of a document. */
function anchors(file: string): string[] {
  const headings = [...prose(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(documents)('every link of %s leads somewhere', (file) => {
  const links = [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path ? normalize(join(dirname(file), path)) : file;
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchors(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('documents are found', () => {
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'llms.txt', join('docs', 'edge.md')]));
});
