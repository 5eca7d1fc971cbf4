/** The report of one run: a page that needs nothing but itself. */
import type { Experiment, Machine, Result } from '../model.ts';
import { again, figuresOf, noiseShare } from '../statistics.ts';
import { targetsIn } from '../variants.ts';
import { escaped, figureWords, times, whole } from './format.ts';
import { isEmulated, type Part, partsOf, pinningOf, senderOf } from './parts.ts';
import { sectionOf } from './section.ts';
import { type Row, strip } from './strip.ts';
import { style } from './style.ts';
import { twice } from './svg.ts';

/** @returns the whole page, HTML */
export function page(result: Result): string {
  const parts = partsOf(result);
  const title = `FSM benchmark: ${result.suite.name}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><main>
${headOf(result)}
${overview(parts)}
${parts.map(sectionOf).join('\n')}
${reading(result)}
${provenance(result)}
</main></body></html>
`;
}

function headOf(result: Result): string {
  const { suite, machine, startedAt, versions, state } = result;
  const targets = targetsIn(suite.experiments).size;
  const size = [
    times(suite.experiments.length, 'experiment'),
    times(targets, 'target'),
    `${times(suite.rounds, 'round')} of ${suite.seconds} s each`,
  ].join(', ');
  const missing = [...new Set(result.skips.map(({ target }) => target))].join(', ');
  const left = missing === '' ? '' : ` Not measured: ${escaped(missing)}.`;
  const day = startedAt.slice(0, 10);
  const banners = [
    ...(state === 'whole' ? [] : [`This run ended early: ${state}. What it had measured is shown.`]),
    ...(isEmulated(machine)
      ? [`Measured under emulation (${machine.virtualisation}): nothing here says how fast anything is.`]
      : []),
    ...(versions.fsm?.includes('+') ? ['The source tree had changes that are in no commit.'] : []),
  ];
  return `<header><p class="kicker">FSM benchmark · ${escaped(day)}</p><h1>${escaped(suite.name)}</h1>
<p class="lede">${size}, measured in turn on one machine: ${escaped(machine.cpu)}, ${times(machine.cores, 'core')}.${left}</p>
<p class="axes">${escaped(machine.class)} · fsm ${escaped(versions.fsm ?? 'of unknown version')}</p>
${banners.map(text => `<p class="banner">${escaped(text)}</p>`).join('')}</header>`;
}

function overview(parts: readonly Part[]): string {
  const groups = (['latency', 'throughput'] as const).map(measure => {
    const [figure] = figuresOf[measure];
    const rows = parts.filter(({ experiment }) => experiment.measure === measure).flatMap(part => rowOf(part));
    const { name, better } = figureWords[figure];
    const title = `${name === 'answers/s' ? 'Answers a second' : `${name} latency`}, ratio to the baseline`;
    const drawn = twice((width, kind) => strip(rows, title, width, kind));
    return drawn === '' ? '' : `<figure><h3>${title} <span class="better">– ${better}</span></h3>${drawn}</figure>`;
  });
  if (groups.join('') === '') return '';
  return `<section><h2>At a glance</h2>
<p class="small">A dot is the median over the rounds, the stroke behind it its interval, the upright the baseline
(dashed where that was client-bound: it can do more, and true ratios are below those shown); the grey band is the noise of the machine, where it was measured. A target that was client-bound or has no round that counts is left out.</p>
${legend(parts)}${groups.join('')}</section>`;
}

function rowOf({ experiment, rows, baseline, noise, kind }: Part): Row[] {
  const [figure] = figuresOf[experiment.measure];
  const dots = rows.flatMap(({ target, ratios, clientBound }) =>
    ratios === null || clientBound || target === again.target
      ? []
      : [{ name: target, kind: kind(target), value: ratios[figure] }],
  );
  const bound = rows.some(row => row.target === baseline && row.clientBound);
  return dots.length === 0 ? [] : [{ name: experiment.name, baseline, bound, noise: noiseShare(noise, figure), dots }];
}

function legend(parts: readonly Part[]): string {
  const kinds = new Map(
    parts.flatMap(({ rows, baseline, kind }) =>
      rows.flatMap(({ target }) => (target === baseline || target === again.target ? [] : [[target, kind(target)]])),
    ) as [string, string][],
  );
  const chip = (kind: string) =>
    `<svg viewBox="0 0 10 10" aria-hidden="true"><circle class="dot ${kind}" cx="5" cy="5" r="4"/></svg>`;
  return `<ul class="legend">${[...kinds].map(([name, kind]) => `<li>${chip(kind)}${escaped(name)}</li>`).join('')}</ul>`;
}

/** How to read it: what the words of the page mean, and what its intervals cannot promise. */
function reading({ suite, rules }: Result): string {
  const measures = new Set(suite.experiments.map(({ measure }: Experiment) => measure));
  const told = [
    'A figure is the median over the rounds that count, its interval the percentile bootstrap of that median at 95 %. Over few it promises less, as stands beside their number: from the least to the greatest of n it is 1 − 2^(1 − n), which is 75 % for 3 and 93 % for 5. One round has none.',
    'A ratio is of rounds of the same number, which ran beside each other; the median over these pairs is shown.',
    'A difference that is smaller than the noise of the machine, or whose interval reaches into it, is shown grey: this run could not see it. Where the noise was not measured, the interval alone decides.',
    ...(measures.has('latency')
      ? [
          'Open loop: requests are sent when they are due, whether or not the last was answered, and latency counts from when they were due.',
        ]
      : []),
    'A void round counts for nothing, and its reason is told. No void round is hidden. Of a target that failed in some of its rounds the figures are those of the others: they flatter it.',
  ];
  const items = (list: readonly string[]) => list.map(each => `<li>${escaped(each)}</li>`).join('');
  const own = rules.length === 0 ? '' : `<div><h3>Rules fixed before the run</h3><ol>${items(rules)}</ol></div>`;
  return `<section><h2>How to read this</h2><div class="columns"><div><h3>Words</h3><ul>${items(told)}</ul></div>${own}</div></section>`;
}

function processorsOf({ cores, threadsPerCore = 1 }: Machine): string {
  return threadsPerCore > 1 ? `${cores}, ${threadsPerCore} to a core` : String(cores);
}

const minute = (at: string): string => at.slice(0, 16).replace('T', ' ');

function provenance({ machine, versions, skips, startedAt, endedAt, state, rounds }: Result): string {
  const facts = (all: readonly (readonly [string, string])[]) =>
    `<dl>${all.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`;
  const fingerprint: readonly (readonly [string, string])[] = [
    ['Class', machine.class],
    ['Processor', machine.cpu],
    ['Processors', processorsOf(machine)],
    ['Memory', `${whole(machine.memoryMiB)} MiB`],
    ['System', `${machine.platform} ${machine.kernel}, ${machine.arch}`],
    ['Governor', machine.governor ?? 'none that can be read'],
    ['Cores', pinningOf(machine) ?? 'not known who was where'],
    ['Sender', senderOf(rounds) ?? 'closed loop alone'],
    ['Virtualisation', machine.virtualisation],
    ['Run', `${minute(startedAt)} to ${minute(endedAt)} UTC, ${state}`],
  ];
  const left =
    skips.length === 0
      ? ''
      : `<h3>Not measured</h3><ul>${skips.map(({ target, why }) => `<li><b>${escaped(target)}</b>: ${escaped(why)}</li>`).join('')}</ul>`;
  return `<section><h2>What was measured, and on what</h2>${left}
<div class="columns"><div><h3>Machine</h3>${facts(fingerprint)}</div><div><h3>Versions</h3>${facts(Object.entries(versions))}</div></div></section>`;
}
