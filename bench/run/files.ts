/** Files of the kernel, which may not be there. */
import { readFileSync } from 'node:fs';

/** What a file says; nothing when it cannot be read, as of a process that has ended. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
