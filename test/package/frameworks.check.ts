/** Puts the objects of the packed library into the state of Vue, MobX and Immer, and uses them from there. */
import { expect, test } from 'vitest';
import { node } from './packed.ts';

const STATES = [
  'a Vue reactive object',
  'a Vue ref',
  'a Vue readonly object',
  'a nested Vue reactive object',
  'a Vue shallowRef',
  'a MobX observable',
  'a MobX store',
  'a MobX observable array',
  'an Immer draft',
  'the state that Immer made',
  'a frozen object',
];

const { ok, output } = node(['frameworks.mjs']);
const results = ok ? JSON.parse(output) : { failed: output };

test('every state of the script is in this table', () => {
  expect(Object.keys(results)).toEqual(STATES);
});

test.each(STATES)('from %s, the client, the object, the stream and LocalOss work', (state) => {
  expect(results[state]).toEqual({ object: 'abcdef', stream: 'piped', position: 6 });
});
