/** What somebody may have meant by a name that is not there. */

/** Names that are so many letters away are not what was meant. */
const farthest = 2;

/** Most suggestions that anybody reads. */
const most = 3;

/** What kubectl calls kinds that a cluster may lack. */
const usual: Readonly<Record<string, string>> = { ep: 'endpoints', netpol: 'networkpolicies' };

/** The plurals behind the known names that are nearest to a name: those it begins, and those a slip or two away. */
export function nearest(
  name: string,
  names: readonly { readonly known: string; readonly plural: string }[],
): readonly string[] {
  const given = name.toLowerCase().split('.')[0] ?? '';
  const wanted = usual[given] ?? given;
  const ranked = names.map(({ known, plural }) => ({ plural, distance: distanceOf(wanted, known) }));
  const least = Math.min(...ranked.map(({ distance }) => distance));
  const near = ranked.filter(({ distance }) => distance === least && distance <= Math.min(farthest, wanted.length - 1));
  return [...new Set(near.map(({ plural }) => plural))].slice(0, most);
}

function distanceOf(wanted: string, known: string): number {
  return wanted.length > 1 && known.startsWith(wanted) ? 1 : edits(wanted, known);
}

/** Letters to insert, remove or replace (Levenshtein). */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...a].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (letter === b[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
