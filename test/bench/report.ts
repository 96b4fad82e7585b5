// Prints the rows as a table for people or as JSON for programs.
import type { Row } from './measure.ts';

/** Returns the rows as JSON text in the form `{ name: { ratio, … } }`. */
export function toJson(rows: readonly Row[]): string {
  const rounded = (value: number) => Number(value.toPrecision(4));
  const entries = rows.map(({ name, ratio, low, high, target, ours, theirs }) => [
    name,
    { ratio: rounded(ratio), low: rounded(low), high: rounded(high), target, ours, theirs },
  ]);
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

export function toTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    figure(row.ratio),
    `${figure(row.low)} - ${figure(row.high)}`,
    row.target === undefined ? '' : `${figure(row.target)}${row.ratio >= row.target ? '' : '  missed'}`,
    `${row.ours} / ${row.theirs}`,
  ]);
  return align([['ours / theirs', 'ratio', 'all rounds', 'target', 'medians'], ...cells]);
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
