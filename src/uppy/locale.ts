/** The texts that a user of the page may see. The option `locale` of the plugin replaces them. */

export const locale = {
  strings: {
    /** Reasons why a file is refused before any request. */
    remoteFile: 'Cannot upload "%{name}": it is on a remote server, and this uploader reads local files only',
    dataMissing: 'Cannot upload "%{name}": its data is gone. Pick the file again',
    notABlob:
      'Cannot upload "%{name}": its data is not a Blob or File. A stream or a recording cannot be read again for a retry',
    keyInUse: 'Cannot upload "%{name}" as "%{key}": "%{other}" is being uploaded with the same key',
    uninstalled: 'The upload of "%{name}" was stopped, because the uploader was removed',
    /** What to do after a failure. */
    adviceService: 'Follow the hint in the message, for example correct the policy or the endpoint. Then retry.',
    adviceTransport:
      'Check the network and the CORS rule of the bucket. Then retry: the upload goes on where the object ends.',
    adviceConflict:
      'Another writer changed, deleted or replaced the object, or it holds other bytes than this file. Choose another key.',
    adviceDifferentPrefix:
      'This object holds other bytes, for example an earlier upload of another file. Choose another key.',
    adviceDamaged: 'The object is damaged. Do not append more: store the file under a new key.',
    adviceSource: 'Pick the file again. The upload then goes on where the object ends.',
    adviceCredentials: 'Check your token endpoint. Then retry: the upload goes on where the object ends.',
  },
};

/** The names of the texts. */
export type Text = keyof typeof locale.strings;

/** Returns a text in the language of the page. */
export type Translate = (text: Text, values?: Readonly<Record<string, string>>) => string;
