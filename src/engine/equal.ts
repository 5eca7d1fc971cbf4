/**
 * Whether two values that JSON can say are equal (no Map, no Set): the order of members has no meaning, a member that is undefined is
 * none. Equal values have equal canonical bytes, and this makes none.
 */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && equalLists(a, b);
  return equalRecords(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>);
}

function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member, at) => equal(member, b[at]));
}

function equalRecords(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  let [members, others] = [0, 0];
  for (const key of Object.keys(a)) {
    if (a[key] === undefined) continue;
    members++;
    if (!Object.hasOwn(b, key) || !equal(a[key], b[key])) return false;
  }
  for (const key of Object.keys(b)) if (b[key] !== undefined) others++;
  return members === others;
}
