/** Findings in words: as a line of the contract, and as a list. */
import { bytesOf, type Case, type Exchange, type Link } from './case.ts';
import type { Violation } from './check.ts';

/** One fault, with the smallest case that shows it. */
export interface Finding {
  readonly violation: Violation;
  readonly smallest: Case;
  /** How to make the case again: seed and number. */
  readonly seed: string;
}

/** A finding as it would stand in test/dataplane/contract: what is sent, what is answered, what must hold. */
export function contractLine({ violation, smallest, seed }: Finding): string {
  const { kind, shell, what, detail } = violation;
  const title = `${kind} on ${shell}: ${what}`.replaceAll("'", '’');
  const words = detail === '' ? [] : [`    // ${oneLine(detail).slice(0, 240)}`];
  const links = smallest.links.flatMap((link, at) => linkLines(link, at));
  return [
    `  // ${seed}`,
    `  '${title}': async ({ buyer, app }) => {`,
    ...words,
    ...links,
    `    ${expectations[kind]}`,
    '  },',
  ].join('\n');
}

/** What is right, by kind. */
const expectations: Readonly<Record<Violation['kind'], string>> = {
  crash: 'expect(store.program?.running && buyer.program?.running).toBe(true);',
  hang: 'expect(await came).toMatch(/^HTTP\\/1\\.1 \\d\\d\\d |^$/); // an answer, an error or a close, within the bound',
  'cross-talk': 'expect(idsIn(await came)).toEqual(new Set([own]));',
  verdict: 'expect(await statusOf(came)).toBe(theStatusThatThePolicyGives);',
  answer: 'expect(await came).toEqual(what the app answered);',
  request: 'expect(seen).toEqual(what was sent);',
  memory: 'expect(heldBy(pair).memoryMiB).toBeLessThan(before + allowance);',
};

function linkLines({ speaks, exchanges, pipelined, leavesAfterMs }: Link, at: number): string[] {
  const how = [
    pipelined ? 'all at once' : '',
    leavesAfterMs === undefined ? '' : `leaves after ${leavesAfterMs} ms`,
  ].filter(each => each !== '');
  const first = `    const link${at} = connect(outboundOf(buyer)); // HTTP/${speaks}${how.map(each => `, ${each}`).join('')}`;
  return [first, ...exchanges.flatMap(exchange => exchangeLines(exchange, at))];
}

function exchangeLines({ name, request, answer, tunnel }: Exchange, at: number): string[] {
  const { after, early } = answer;
  const how = [answer.name, after === 'keep' ? '' : `then ${after}`, early ? 'before the request has come' : ''].filter(
    each => each !== '',
  );
  return [
    `    app.answers(${literal(bytesOf(answer.parts))}); // ${how.join(', ')}`,
    ...request.map(
      ({ bytes, delayMs }) =>
        `    link${at}.write(${literal(bytes)}, 'latin1'); // ${name}${delayMs > 0 ? `, after ${delayMs} ms` : ''}`,
    ),
    ...(tunnel === undefined
      ? []
      : [`    link${at}.write(${literal(tunnel.slice(0, 40))}, 'latin1'); // through the tunnel`]),
  ];
}

const literalMax = 900;

/** Bytes as a text of TypeScript. */
function literal(bytes: string): string {
  const shown = bytes.length > literalMax ? `${bytes.slice(0, literalMax)}…` : bytes;
  const escaped = JSON.stringify(shown).replace(/[\x7f-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`);
  return escaped.replace(/\\u00([0-9a-f]{2})/g, '\\x$1');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
