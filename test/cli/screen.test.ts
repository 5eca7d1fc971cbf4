import { describe, expect, test } from 'vitest';
import { createScreen } from '../../src/cli/screen/screen.ts';
import { createTraffic } from '../../src/cli/screen/traffic.ts';

const line = (text: string, pod = 'bookbuyer-2a58661322-ca7a9') => ({
  namespace: 'bookbuyer',
  pod,
  container: 'app',
  line: text,
});
const bought = line('GET http://bookstore.bookstore:14001/buy → 200 bookstore-v1 sold book 7');
const refused = line(
  'GET http://bookstore.bookstore:14001/buy → 403 no-route-match: Rules exist.',
  'bookthief-0123456789-abcde',
);

describe('traffic', () => {
  test('is counted by who, whom, what and which answer', () => {
    const traffic = createTraffic();
    for (const one of [bought, refused, bought]) traffic.add(one);
    expect(traffic.take()).toEqual([
      {
        client: 'bookbuyer',
        service: 'bookstore',
        request: 'GET /buy',
        status: 200,
        answer: 'bookstore-v1',
        calls: 2,
        rate: 2,
        total: 2,
      },
      {
        client: 'bookthief',
        service: 'bookstore',
        request: 'GET /buy',
        status: 403,
        answer: 'no-route-match',
        calls: 1,
        rate: 1,
        total: 1,
      },
    ]);
  });

  test('that has ended is shown once more and then no longer', () => {
    const traffic = createTraffic();
    traffic.add(bought);
    expect(traffic.take()).toHaveLength(1);
    expect(traffic.take()).toMatchObject([{ calls: 0, rate: 0.5, total: 1 }]);
    expect(traffic.take()).toEqual([]);
  });

  test('is nothing else that an app prints', () => {
    const traffic = createTraffic();
    traffic.add(line('listening'));
    expect(traffic.take()).toEqual([]);
  });
});

describe('the screen', () => {
  const flow = { client: 'a', service: 'b', request: 'GET /', status: 200, answer: 'v1', calls: 1, rate: 1, total: 1 };

  test('says on a pipe only what is news', () => {
    const lines: string[] = [];
    const screen = createScreen({ write: text => lines.push(text) }, 'node');
    for (const answer of ['v1', 'v1', 'v2', 'v1']) screen.flows([{ ...flow, answer }]);
    expect(lines.map(text => text.slice(0, 22))).toEqual([
      'a → b GET / → 200 v1 (',
      'a → b GET / → 200 v2 (',
      'a → b GET / → 200 v1 (',
    ]);
  });

  test('draws on a terminal over what it drew before', () => {
    const written: string[] = [];
    const screen = createScreen({ isTTY: true, columns: 80, write: text => written.push(text) }, 'node');
    screen.flows([flow]);
    screen.flows([flow]);
    expect(written.join('')).toContain('\x1b[4A\x1b[J');
    expect(written[0]).toMatch(/WHO +CALLS +REQUEST[\s\S]*a +→ b +GET \/ +200 +v1 +1\.0\/s +1 +node/);
  });
});
