/** What people and shells read of paths. */
import { relative, resolve } from 'node:path';

/** Name of a sandbox's directory, below the one where people work. */
export const sandboxFolder = '.fsm';

/** A word that a POSIX shell takes for exactly this text, as it is where that is enough. */
export function shellQuoted(text: string): string {
  return /^[\w%+,./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A path as it is typed here: relative where that leads down, quoted where a shell needs it. */
export function typedPath(path: string): string {
  const near = relative(process.cwd(), path);
  return shellQuoted(near === '' || near.startsWith('..') ? resolve(path) : near);
}

/** What a command needs to mean the sandbox of a directory: nothing for the usual one, else ` --dir <dir>`. */
export function dirOption(dir: string): string {
  return resolve(dir) === resolve(sandboxFolder) ? '' : ` --dir ${shellQuoted(dir)}`;
}
