/** Files that are whole or not there, whenever the power goes. */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file so that a reader sees the old content or the new, never a part (write aside, fsync, rename). */
export async function writeFileAtomic(path: string, content: string, mode: number): Promise<void> {
  await withTemporary(path, content, mode, temporary => rename(temporary, path));
}

/**
 * Creates a file with its whole content, unless one is there: of several processes exactly one gets true.
 * A hard link is what makes it so: unlike rename it does not replace.
 */
export async function createFileExclusive(path: string, content: string, mode: number): Promise<boolean> {
  try {
    await withTemporary(path, content, mode, temporary => link(temporary, path));
    return true;
  } catch (error) {
    if (isErrorCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** The text of a file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrorCode(error, 'ENOENT')) return undefined;
    throw naming(error, path);
  }
}

/** Once a file is open the system no longer says which one it is, and nobody knows the temporary one. */
function naming(error: unknown, path: string): unknown {
  return error instanceof Error ? Object.assign(error, { path }) : error;
}

function isErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function withTemporary(
  path: string,
  content: string,
  mode: number,
  publish: (temporary: string) => Promise<void>,
) {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeDurably(temporary, content, mode);
    await publish(temporary);
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(temporary, path);
    throw naming(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
}

async function writeDurably(path: string, content: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The name itself is only durable when the directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
