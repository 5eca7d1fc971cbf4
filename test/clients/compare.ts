/** What differs between what a client saw directly and through a pair of sidecars. */
import { type Cell, keyOf, type Seen } from './cells.ts';

/** What says how a message is sent over one hop, in which frame, or when; Java takes `:status` for a header. */
const ofTheHop =
  /^(header|head|tail) (connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings|trailer|date|:status)$|^(head|tail) content-type$/;

/**
 * One line for each thing that differs: `client → server: case: field: what was seen directly ≠ what through the pair`. Of
 * an answer that breaks off only that it does: how much of it comes before is chance.
 */
export function differences(client: string, cells: readonly Cell[], direct: Seen, through: Seen): readonly string[] {
  return cells.flatMap(cell => {
    const key = keyOf(cell.server, cell.case.name);
    const [wanted, came] = [direct.get(key), through.get(key)];
    const fields = [...new Set([...(wanted?.keys() ?? []), ...(came?.keys() ?? []), 'an answer'])];
    return fields
      .filter(field => !ofTheHop.test(field) && (cell.case.breaks !== true || field === 'error'))
      .map(field => [field, shown(wanted, field), shown(came, field)] as const)
      .filter(([, before, after]) => before !== after)
      .map(line => `${client} → ${cell.server}: ${cell.case.name}: ${line[0]}: ${line[1]} ≠ ${line[2]}`);
  });
}

/** Cases that fail directly, though no server breaks them off: what fails on both ways shows nothing. */
export function failuresIn(cells: readonly Cell[], direct: Seen): readonly Cell[] {
  const failed = (cell: Cell) => direct.get(keyOf(cell.server, cell.case.name))?.has('error') ?? true;
  return cells.filter(cell => cell.case.breaks !== true && failed(cell));
}

function shown(seen: ReadonlyMap<string, string> | undefined, field: string): string {
  if (field === 'an answer') return seen === undefined ? 'none' : 'some';
  return JSON.stringify(seen?.get(field)) ?? 'nothing';
}
