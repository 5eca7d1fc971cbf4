/** The page holds what was measured, says what not to trust, needs nothing from elsewhere, and lets no name become markup. */
import { describe, expect, test } from 'vitest';
import { page } from '../../../bench/report/page.ts';
import { characters, experiments, syntheticResult, troubled } from './synthetic.ts';

const whole = syntheticResult({ seconds: 2, change: troubled });
const html = page(whole);

/** A page is too long to be shown when it lacks something. */
function says(text: string, ...words: readonly (string | RegExp)[]): void {
  const missing = words.filter(word => (typeof word === 'string' ? !text.includes(word) : !word.test(text)));
  expect(missing).toEqual([]);
}

function saysNot(text: string, pattern: RegExp): void {
  expect(pattern.exec(text)?.[0]).toBeUndefined();
}

test('a page is made of nothing but itself, and the same result makes the same page', () => {
  saysNot(html, /<script|<link|<iframe|\bsrc=|\bhref=|url\(|@import|https?:/i);
  expect(page(whole) === html).toBe(true);
});

test('every experiment, target, rule, version and skip is on it', () => {
  const { suite, rules, versions, skips } = whole;
  const words = [
    suite.experiments.flatMap(({ name, targets }) => [name, ...targets]),
    rules,
    Object.entries(versions).flat(),
    skips.flatMap(({ target, why }) => [target, why]),
  ].flat();
  says(html, ...words);
});

test('titles say what is better, and what is not to be trusted is told', () => {
  says(html, 'Latency by percentile <span class="better">– lower is better');
  says(html, 'Answers a second <span class="better">– higher is better');
  says(html, 'Round 3 of envoy does not count: the sender was late: 4.1 ms at p99.');
  says(html, 'Client-bound (direct, direct-again)');
  says(html, 'node-pair: 15 answers not as it should be (status 503).');
  says(html, '<td>5 (93 %)</td>', '<td>4 (87 %)</td>', 'One round has none.');
  says(
    html,
    'Round 2 of bare-pipy does not count',
    'bare-pipy failed in 1 round, and its figures are of the others alone',
  );
  says(html, 'each ratio of answers/s to it is an upper bound');
  says(html, 'Noise of the machine: not measured here, for no round of direct-again counts beside one of direct.');
  says(html, /Noise of the machine: direct, measured twice, gave a p99\nratio of 1\.0\d/);
});

test('the first figure of a measure is the first column of its ratios', () => {
  const heads = [...html.matchAll(/<th>Target<\/th><th>([^<]*)<small>/g)].map(([, name]) => name);
  expect(heads).toEqual(['p99', 'answers/s', 'p99']);
});

test('no name becomes markup, wherever it stands', () => {
  const bad = `<script>alert("1")</script>'&`;
  const own = { direct: characters.direct, [bad]: characters.nginx } as typeof characters;
  const experiment = { ...(experiments[0] ?? expect.fail()), name: bad, targets: ['direct', bad] };
  const result = syntheticResult({
    seconds: 1,
    rounds: 3,
    characters: own,
    experiments: [experiment],
    machine: { cpu: bad, class: bad, kernel: bad, governor: bad, virtualisation: `emulated ${bad}`, platform: bad },
    change: round =>
      round.round === 3
        ? { ...round, void: bad }
        : { ...round, clientBound: true, load: round.load && { ...round.load, wrong: 1, complaints: [bad] } },
  });
  const text = page({
    ...result,
    suite: { ...result.suite, name: bad },
    state: bad,
    versions: { [bad]: bad, fsm: `+${bad}` },
    rules: [bad],
    skips: [{ target: bad, why: bad }],
    startedAt: bad,
    endedAt: bad,
  });
  saysNot(text, /<script|alert\("1"\)|'&(?!#)/);
  expect(text.split('&#60;script&#62;').length).toBeGreaterThan(20);
});

describe('of a run that', () => {
  test('ended early, was emulated and was built from changed sources, the page says so', () => {
    const text = page({
      ...syntheticResult({ seconds: 1, machine: { virtualisation: 'qemu-user' } }),
      state: 'stopped: SIGINT',
      versions: { fsm: '0.1.0 274b3d4+' },
    });
    says(text, 'This run ended early: stopped: SIGINT.');
    says(text, 'Measured under emulation (qemu-user)');
    says(text, 'changes that are in no commit');
  });

  test('has no round that counts, the page still says why', () => {
    const text = page(
      syntheticResult({ seconds: 1, rounds: 1, change: round => ({ ...round, void: 'the app died' }) }),
    );
    says(text, 'no round counts');
    says(text, 'does not count: the app died.');
    saysNot(text, /NaN|Infinity|undefined/);
  });

  test('has no baseline, the page says so in place of ratios', () => {
    const [experiment = expect.fail()] = experiments;
    const result = syntheticResult({ seconds: 1, experiments: [{ ...experiment, targets: ['linkerd', 'nginx'] }] });
    const summary = result.summary.flatMap(row => (row.target === 'nginx' ? [{ ...row, ratios: null }] : []));
    const text = page({ ...result, summary });
    says(text, 'There are no ratios: the baseline linkerd was not measured (no linkerd2-proxy on PATH');
    saysNot(text, /Ratio to linkerd/);
  });

  test('measured nothing at all, there is a page', () => {
    const text = page({ ...syntheticResult({ experiments: [] }), rounds: [], summary: [] });
    says(text, 'What was measured, and on what');
    saysNot(text, /NaN|Infinity|undefined/);
  });

  test('had one round, there are figures without intervals', () => {
    const text = page(syntheticResult({ seconds: 1, rounds: 1, experiments: experiments.slice(0, 1) }));
    says(text, 'One round has none.', 'class="first noise"');
    saysNot(text, /class="first"/);
    saysNot(text, /×<small>|NaN|Infinity|undefined/);
  });
});
