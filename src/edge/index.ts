/**
 * Entry "./edge", for Cloudflare Workers, Deno, Bun and Node: tokens, grants and uploads for pages, as one handler. It
 * also has the page's side of grants. docs/edge.md describes the routes.
 */

export type { EdgeAnswer, EdgeQuestion } from './decisions.ts';
export type { DeferredUpload, KeepLength } from './deferred-length.ts';
export { createEdge, type EdgeContext, type EdgeHandler } from './handler.ts';
export type { EdgeFailure, EdgeOptions } from './options.ts';
export { PageGrants, type PageGrantsOptions } from './page-grants.ts';
export type { NewUpload } from './resumable-upload.ts';
export type { EdgeUpload } from './upload.ts';
