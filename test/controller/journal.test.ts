import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { journalFormat } from '../../src/engine/versions.ts';
import { bookstore, splitOf } from './bookstore.ts';
import { type Mesh, startMesh } from './mesh.ts';

let mesh: Mesh;

beforeEach(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  mesh.apply(splitOf(100, 0));
  await mesh.controller.synced;
});
afterEach(() => mesh.close());

/** Makes a journal one of the format before. */
function age(file: string): void {
  const database = new DatabaseSync(file);
  database.prepare("UPDATE header SET value = ? WHERE name = 'format'").run(String(journalFormat - 1));
  database.close();
}

it('begins anew when the journal is of an older format: says where it is, and sends no proxy what it runs', async () => {
  const buyer = await mesh.proxy('bookbuyer', 'bookbuyer-1');
  await buyer.until(nodes => nodes.length > 0);
  const [root, lines] = [buyer.root(), buyer.lines.length];
  await mesh.controller.close();
  age(join(mesh.stateDir, 'journal.db'));
  await mesh.restart();
  const said = mesh.logs.filter(line => line.includes('was moved aside'));
  const { level, movedTo } = JSON.parse(said.join('\n'));
  expect([level, existsSync(movedTo)]).toEqual(['warn', true]);
  await buyer.reconnect(mesh.controller.ports.push);
  // Whoever comes later and has its configuration came after the buyer was heard.
  await (await mesh.proxy('bookthief', 'bookthief-1')).committed(0);
  const next = buyer.committed(lines);
  mesh.apply(splitOf(0, 100));
  expect(await next).not.toBe(root);
  expect(buyer.lines.slice(lines).filter(({ t }) => t === 'commit')).toHaveLength(1);
});
