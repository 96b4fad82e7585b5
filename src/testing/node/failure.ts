// What ends the command, with the exit code that tells a script why. docs/local.md lists the codes.

/** The exit codes of the command. */
export const EXIT = {
  /** Ended by Ctrl-C or SIGTERM, or after `--help`. */
  done: 0,
  /** Something that should not happen. */
  unexpected: 1,
  /** An option is wrong. */
  usage: 2,
  /** The server cannot listen, for example because another program uses the port. */
  listen: 3,
  /** A file or the data folder cannot be used. */
  file: 4,
} as const;

/** A file or a folder that cannot be used. */
export class FileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FileError';
  }
}
