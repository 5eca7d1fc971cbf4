/** curl: one process for each server, so that it keeps its connections, told by a configuration what to ask. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cell, hostOf, keyOf, type Seen } from './cells.ts';
import { printed, type Tool } from './programs.ts';

const cellSeconds = 5;

/** Asks all cells with one way of HTTP. */
export async function askWithCurl(tool: Tool, option: string, cells: readonly Cell[]): Promise<Seen> {
  const folder = await mkdtemp(join(tmpdir(), 'fsm-curl-'));
  const seen = new Map<string, ReadonlyMap<string, string>>();
  try {
    await writeBodies(folder, cells);
    for (const group of groupsOf(option, [...cells.entries()])) {
      const config = group.map(([index, cell]) => optionsOf(folder, cell, index, option)).join('\nnext\n');
      const codes = (await printed(tool, ['--config', '-'], config)).trim().split('\n');
      for (const [at, [index, cell]] of group.entries())
        seen.set(keyOf(cell.server, cell.case.name), await read(join(folder, `${index}`), cell, codes[at]));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return seen;
}

type Numbered = readonly [number, Cell];

/** What one process asks. With prior knowledge curl 7.88 cannot use a connection again: a process for each request. */
function groupsOf(option: string, cells: readonly Numbered[]): readonly (readonly Numbered[])[] {
  if (option === '--http2-prior-knowledge') return cells.map(cell => [cell]);
  const servers = new Set(cells.map(([, { server }]) => server));
  return [...servers].map(name => cells.filter(([, { server }]) => server === name));
}

async function writeBodies(folder: string, cells: readonly Cell[]): Promise<void> {
  const sizes = new Set(cells.map(cell => cell.case.body ?? 0));
  await Promise.all([...sizes].map(size => writeFile(join(folder, `body-${size}`), 'x'.repeat(size))));
}

function optionsOf(folder: string, cell: Cell, index: number, option: string): string {
  const { method, path, body, flags = [], headers = [] } = cell.case;
  const lines = [
    option.slice(2),
    'silent',
    'path-as-is',
    `max-time = ${cellSeconds}`,
    `url = "http://${cell.at.host}:${cell.at.port}${path}"`,
    `dump-header = "${folder}/${index}.head"`,
    `output = "${folder}/${index}.body"`,
    'write-out = "%{exitcode}\\n"',
    `header = "Host: ${hostOf(cell.server)}"`,
    ...headers.map(header => `header = "${header.replace('=', ': ').replaceAll('"', '\\"')}"`),
  ];
  if (method === 'HEAD') lines.push('head');
  else lines.push(`request = ${method}`);
  if (body !== undefined) lines.push(`upload-file = "${folder}/body-${body}"`);
  if (flags.includes('chunked')) lines.push('header = "Transfer-Encoding: chunked"');
  lines.push(`header = "Expect:${flags.includes('expect') ? ' 100-continue' : ''}"`);
  return lines.join('\n');
}

const timedOut = '28';

async function read(
  file: string,
  { case: { method } }: Cell,
  code: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  const head = await readFile(`${file}.head`, 'latin1').catch(() => '');
  const body = await readFile(`${file}.body`).catch(() => Buffer.alloc(0));
  if (code !== '0') seen.set('error', code === timedOut ? 'timed out' : 'failed');
  else if (method !== 'HEAD')
    seen.set('body', body.length < 300 ? body.toString() : createHash('sha256').update(body).digest('hex'));
  for (const block of head.split('\r\n\r\n').filter(text => text !== '')) readBlock(block, seen);
  return seen;
}

/** A head, of the answer or before it, or trailers, which have no status. */
function readBlock(block: string, seen: Map<string, string>): void {
  const lines = block.split('\r\n').filter(text => text !== '');
  const status = /^HTTP\/[\d.]+ (\d+)/.exec(lines[0] ?? '')?.[1];
  // What comes before the answer is of one hop, but for what it announces (RFC 8297).
  if (status === '100' || status === '101') return;
  const what = status === undefined ? 'trailer' : status === '103' ? 'interim' : 'header';
  // After a 417 curl asks once more by itself: the last answer counts.
  if (what === 'header')
    for (const field of [...seen.keys()].filter(name => name.startsWith('header '))) seen.delete(field);
  if (status !== undefined) seen.set(what === 'interim' ? 'interim' : 'status', status);
  for (const line of status === undefined ? lines : lines.slice(1)) {
    const [name = '', ...rest] = line.split(':');
    const field = `${what} ${name.toLowerCase()}`;
    const before = seen.get(field);
    const value = rest.join(':').trim();
    seen.set(field, before === undefined ? value : `${before} | ${value}`);
  }
}
