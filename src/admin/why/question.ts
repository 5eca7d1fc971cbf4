/** Reads what somebody asks of *why*, and says what was assumed. */
import { type Problem, ProblemError } from '../../api/problem.ts';
import type { Headers } from '../../dataplane/policy/types.ts';
import type { MeshSnapshot } from '../../engine/model.ts';
import { resolvePod } from '../resolve.ts';
import { destinationOf } from './destination.ts';
import type { Question } from './explanation.ts';

/** RFC 9110, 5.6.2: what methods and names of headers are made of. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Whether every character is at least the given one, and none is DEL; a tab goes where blanks do. */
function isPrintable(text: string, least: string): boolean {
  return [...text].every(each => (each >= least && each !== '\x7f') || (each === '\t' && least === ' '));
}

/**
 * The question of `client`, `service` (a destination, see destination.ts), `port`, `method`, `path` and `header` (`name: value`, may be repeated).
 *
 * @throws ProblemError FSM6003 for a part that no request can have; FSM1002, FSM1005 for names that lead nowhere
 */
export function questionOf(snapshot: MeshSnapshot, query: URLSearchParams): { question: Question; assumed: string[] } {
  const request = {
    method: methodOf(query.get('method') || 'GET'),
    path: pathOf(query.get('path') || '/'),
    headers: headersOf(query.getAll('header')),
  };
  const client = resolvePod(snapshot, query.get('client') ?? '');
  const destination = destinationOf(snapshot, client.key, query.get('service') ?? '');
  const assumed = [client.assumed, destination.assumed].filter(text => text !== undefined);
  const { service, host } = destination;
  const port = portOf(query.get('port') ?? (destination.port || null));
  return { question: { client: client.key, service, host, ...port, ...request }, assumed };
}

function portOf(written: string | null): { port?: number } {
  if (written === null) return {};
  const port = /^[0-9]{1,5}$/.test(written) ? Number(written) : 0;
  if (port >= 1 && port <= 65535) return { port };
  throw unreadable(`the port is ${shown(written)}`, 'a port is a whole number from 1 to 65535', '--port 8080');
}

function methodOf(written: string): string {
  if (!token.test(written))
    throw unreadable(`the method is ${shown(written)}`, 'a method is one word of letters and a few signs', '-X POST');
  if (written !== 'CONNECT') return written;
  throw unreadable('the method is CONNECT', 'it opens a tunnel, and rules look at what is sent in it', '-X GET');
}

function pathOf(written: string): string {
  if (written.startsWith('/') && isPrintable(written, '!')) return written;
  throw unreadable(`the path is ${shown(written)}`, 'a path begins with / and has no blanks', '/books?author=Kafka');
}

/** Repeated ones are joined as the shells do: RFC 9110, 5.3; cookies by `; `. */
function headersOf(lines: readonly string[]): Headers {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [name, value] = headerOf(line);
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
  }
  return Object.fromEntries(headers);
}

function headerOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  const [name, value] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim()];
  if (token.test(name) && isPrintable(value, ' ')) return [name.toLowerCase(), value];
  throw unreadable(
    `a header is ${shown(line)}`,
    'a header is name: value, and its name is one word',
    "-H 'x-user: jo'",
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function unreadable(what: string, why: string, example: string): ProblemError {
  const problem: Problem = { code: 'FSM6003', path: '', what, why, fix: `write it as in ${example}` };
  return new ProblemError(problem);
}
