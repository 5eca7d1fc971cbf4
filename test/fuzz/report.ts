/** Findings in words: each as a line of the contract, with the bytes that are sent and what has to hold. */
import { bytesOf, type Case, type Exchange, type Link } from './case.ts';
import type { Violation } from './check.ts';

/** One fault, with the smallest case that shows it. */
export interface Finding {
  readonly violation: Violation;
  readonly smallest: Case;
  /** How to make the case again: seed and number. */
  readonly seed: string;
}

/** A finding as it would stand in test/dataplane/contract. */
export function contractLine({ violation, smallest, seed }: Finding): string {
  const { kind, shell, what, detail } = violation;
  const title = `${what} (${kind}, ${shell})`.replaceAll("'", '’');
  const found = detail === '' ? [] : [`    // ${oneLine(detail).slice(0, 240)}`];
  const lines = [...found, ...smallest.links.flatMap(linkLines), ...expectation(violation).map(line => `    ${line}`)];
  return [`  // ${seed}`, `  '${title}': async ({ buyer, store, app }) => {`, ...lines, '  },'].join('\n');
}

/** What is right, by kind. */
function expectation({ kind, what }: Violation): string[] {
  const [, status = 'the status of the app’s answer'] = /instead of (\d{3})/.exec(what) ?? [];
  const answered = ["const answer = await until(link0, '\\r\\n\\r\\n');"];
  switch (kind) {
    case 'crash':
      return [
        'await drained(link0);',
        'expect([buyer, store].map(({ program }) => program?.running)).toEqual([true, true]);',
      ];
    case 'hang':
      return ["await Promise.race([until(link0, 'HTTP/1.1 '), once(link0, 'close')]);"];
    case 'cross-talk':
      return [...answered, 'expect(idsIn(answer)).toEqual(new Set([/* its own id */]));'];
    case 'verdict':
      if (what.startsWith('the app got')) return ['await drained(link0);', 'expect(app.requests).toBe(before);'];
      return [...answered, `expect(answer).toMatch(/^HTTP\\/1\\.1 /); // ${status}`];
    case 'answer':
      return [...answered, 'expect(answer).toBe(/* as the app answered */);'];
    case 'request':
      return [...answered, 'expect(seen).toEqual(/* as it was sent */);'];
    case 'memory':
      return ['expect(heldBy(pair).memoryMiB).toBeLessThan(/* as before, and what is allowed */);'];
  }
}

function linkLines({ speaks, exchanges, pipelined, leavesAfterMs }: Link, at: number): string[] {
  const how = [pipelined ? 'all at once' : '', leavesAfterMs === undefined ? '' : `leaves after ${leavesAfterMs} ms`];
  const told = [`HTTP/${speaks}`, ...how.filter(each => each !== '')].join(', ');
  const lines = exchanges.flatMap(exchange => exchangeLines(exchange, at));
  return [`    const link${at} = connect(outboundOf(buyer)); // ${told}`, ...lines];
}

function exchangeLines({ name, request, answer, tunnel }: Exchange, at: number): string[] {
  const { after, early, speaks, parts } = answer;
  const how = [answer.name, after === 'keep' ? '' : `then ${after}`, early ? 'at once' : '']
    .filter(each => each !== '')
    .join(', ');
  const bytes = literal(bytesOf(parts));
  const answers =
    speaks === 1
      ? `app.does.http = ({ socket }) => void socket.write(${bytes}, 'latin1');`
      : `// The app answers in frames: ${bytes}`;
  return [
    `    ${answers} // ${how}`,
    ...request.map(
      part =>
        `    link${at}.write(${literal(part.bytes)}, 'latin1'); // ${name}${part.delayMs > 0 ? `, after ${part.delayMs} ms` : ''}`,
    ),
    ...(tunnel === undefined
      ? []
      : [`    link${at}.write(${literal(tunnel.slice(0, 40))}, 'latin1'); // through the tunnel`]),
  ];
}

const literalMax = 900;

/** Bytes as a text of TypeScript; what is too long to be read is cut. */
function literal(bytes: string): string {
  const shown = bytes.length > literalMax ? `${bytes.slice(0, literalMax)}…` : bytes;
  const escaped = JSON.stringify(shown).replace(/[\x7f-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`);
  return escaped.replace(/\\u00([0-9a-f]{2})/g, '\\x$1');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
