/** Modules that are started by their file: `.ts` in a checkout, `.js` in the package that is built of it. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Whether this is the built package. */
export const isBuilt = extension === '.js';

/** Where a module lies. @param path without extension: `./thread`; @param base `import.meta.url` of who asks */
export function beside(path: string, base: string): URL {
  return new URL(`${path}${extension}`, base);
}
