// The page of the server: its buckets, objects, requests and faults. It has no script, and shows no secret: LocalOss
// keeps no signature and no token in its log, and the keys of the server do not come here.

import { createHash } from 'node:crypto';
import type { LocalOss } from '../local-oss.ts';
import type { FaultRule } from './fault-rule.ts';

/** What the page shows. */
export interface Shown {
  readonly oss: LocalOss;
  readonly rules: readonly FaultRule[];
}

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}body{margin:1rem auto;max-width:72rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin-bottom:2rem}caption{font-weight:600;text-align:start;font-size:1.2rem}
th,td{text-align:start;padding:.25rem .75rem .25rem 0;border-bottom:1px solid;vertical-align:top}
td{overflow-wrap:anywhere;white-space:pre-wrap}.number{text-align:end;font-variant-numeric:tabular-nums}`;

/** Returns the headers of the page. It may load nothing, run nothing, and be framed by nobody. */
export function pageHeaders(): Readonly<Record<string, string>> {
  const style = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src ${style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'cache-control': 'no-store',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

/** The page shows at most this many objects and requests, so that the page of a large bucket still opens. */
const MOST_OBJECTS = 1000;
const MOST_REQUESTS = 200;

type Cell = string | number;

/** Returns the HTML of the page. */
export function pageOf(shown: Shown): string {
  const tables = [bucketTable(shown), objectTable(shown), requestTable(shown), faultTable(shown)];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oss-append-local</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>oss-append-local</h1><p><a href="">Read again</a></p>
${tables.join('\n')}
</body></html>
`;
}

function bucketTable({ oss }: Shown): string {
  const rows = oss.buckets.map(({ name, region, acl }) => {
    const objects = oss.keys(name).map((key) => oss.object(name, key)?.length ?? 0);
    return [name, region, acl, objects.length, objects.reduce((sum, length) => sum + length, 0)];
  });
  return table('Buckets', ['Name', 'Region', 'ACL', 'Objects', 'Bytes'], rows);
}

function objectTable({ oss }: Shown): string {
  const all = oss.buckets.flatMap(({ name }) => oss.keys(name).map((key) => [name, key] as const));
  const rows = all.slice(0, MOST_OBJECTS).map(([bucket, key]) => {
    const { type = '', length = 0, crc64 = '', appends = 0 } = oss.object(bucket, key) ?? {};
    return [bucket, key, type, length, appends, crc64];
  });
  const caption = all.length > rows.length ? `The first ${rows.length} of ${all.length} objects` : 'Objects';
  return table(caption, ['Bucket', 'Key', 'Type', 'Bytes', 'Writes', 'CRC-64'], rows);
}

function requestTable({ oss: { requests } }: Shown): string {
  const last = requests.slice(-MOST_REQUESTS).reverse();
  const rows = last.map(({ method, operation, bucket, key, position = '', status = '', fault = '' }) => {
    return [method, operation, bucket, key, position, status, fault];
  });
  const names = ['Method', 'Operation', 'Bucket', 'Key', 'Position', 'Status', 'Faults'];
  return table('Requests, the newest first', names, rows);
}

function faultTable({ rules }: Shown): string {
  return table(
    'Faults',
    ['Fault', 'Requests that got it'],
    rules.map(({ text, used }) => [text, used]),
  );
}

function table(caption: string, names: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const head = names.map((name) => `<th scope="col">${name}</th>`).join('');
  const empty = `<tr><td colspan="${names.length}">None</td></tr>`;
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n') || empty;
  return `<table><caption>${caption}</caption><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table>`;
}

function cell(value: Cell): string {
  return typeof value === 'number' ? `<td class="number">${value}</td>` : `<td><bdi>${escapeHtml(value)}</bdi></td>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A key is shown as text, whatever it contains. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
