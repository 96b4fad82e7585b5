// Writes the XML documents of OSS, and reads those that a client sends, such as a CORS configuration.

import { utf8 } from './encoding.ts';

/** The elements of a document. A nested record becomes a nested element, and a list becomes several elements. */
export type Elements = { readonly [name: string]: string | Elements | readonly (string | Elements)[] };

/** Returns a whole document. */
export function xmlDocument(root: string, elements: Elements): Uint8Array<ArrayBuffer> {
  const lines = xmlElements(elements, '  ');
  return utf8(`<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n${lines}</${root}>\n`);
}

function xmlElements(elements: Elements, indent: string): string {
  let lines = '';
  for (const [name, content] of Object.entries(elements))
    for (const value of Array.isArray(content) ? content : [content]) lines += xmlElement(name, value, indent);
  return lines;
}

function xmlElement(name: string, value: string | Elements, indent: string): string {
  const content = typeof value === 'string' ? escapeXml(value) : `\n${xmlElements(value, `${indent}  `)}${indent}`;
  return `${indent}<${name}>${content}</${name}>\n`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const CHARACTERS: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Returns the texts of all elements of this name, without the white space around them. */
export function xmlWords(xml: string, name: string): string[] {
  return xmlTexts(xml, name).map((text) => text.trim());
}

/** Returns the texts of all elements of this name, at any depth. Elements of one name must not be nested. */
export function xmlTexts(xml: string, name: string): string[] {
  const found = [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))];
  return found.map(([, text = '']) => text.replace(/&(#?\w+);/g, (all, entity) => characterOf(entity) ?? all));
}

function characterOf(entity: string): string | undefined {
  const [, hex, digits] = /^#(x?)(\w+)$/i.exec(entity) ?? [];
  if (digits === undefined) return CHARACTERS[entity];
  const code = Number.parseInt(digits, hex ? 16 : 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
