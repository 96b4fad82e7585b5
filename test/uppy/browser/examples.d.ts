/** The examples of docs/uppy.md, which the bundler of the page takes out of the document. */

declare module 'docs:filepond' {
  export function appendTo(
    client: import('../../../src/index.ts').AppendClient,
    prefix: string,
  ): import('filepond').ProcessServerConfigFunction;
}

declare module 'docs:react' {
  export function useAppend(
    client: import('../../../src/index.ts').AppendClient,
    key: string,
  ): {
    readonly loaded: number;
    readonly tail?: import('../../../src/index.ts').ObjectTail;
    readonly error?: unknown;
    readonly upload: (file: Blob) => Promise<void>;
    readonly pause: () => void;
  };
}
