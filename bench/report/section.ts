/** One experiment on the page: what it was, its pictures, its ratios, its figures. */
import type { Estimate, RowSummary } from '../model.ts';
import { again, type Figure, figuresOf, noiseShare } from '../statistics.ts';
import { type Bar, bars } from './bars.ts';
import { curves } from './curves.ts';
import {
  axesOf,
  digits,
  escaped,
  figureWords,
  interval,
  promised,
  ratio,
  share,
  time,
  times,
  whole,
} from './format.ts';
import { curveOf, merged } from './histograms.ts';
import { besidePlain, failuresTold, flagsOf, isNoise, type Part, pairsOf } from './parts.ts';
import { twice } from './svg.ts';

/** @returns the section as HTML */
export function sectionOf(part: Part): string {
  const { experiment, baseline, lack } = part;
  const counted = { ...part, rows: part.rows.filter(({ rounds }) => rounds > 0) };
  const asked =
    experiment.rate === undefined ? '' : `Asked for: ${whole(experiment.rate)}. Who has less could not keep up.`;
  const speed = `${panel('Answers a second', figureWords.perSecond.better, speedBars(counted), asked)}`;
  const panels = `<div class="panels">${speed}${cpuPanel(counted)}${memoryPanel(counted)}</div>`;
  const latency = latencyFigure(counted);
  return `<section>
<h2>${escaped(experiment.name)}</h2>
<p class="axes">${escaped(axesOf(experiment))} · baseline ${escaped(baseline)}</p>
${lack === null ? '' : `<p class="banner">${escaped(lack)}</p>`}${ledeOf(counted)}${experiment.measure === 'latency' ? latency + panels : panels + latency}
${ratioTable(part)}${listOf(besidePlain(part))}${noiseTold(part)}${trouble(part)}${figureTable(part)}
</section>`;
}

function listOf(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `<ul>${lines.map(line => `<li>${escaped(line)}</li>`).join('')}</ul>`;
}

function noiseTold({ experiment, noise, lack }: Part): string {
  const [primary] = figuresOf[experiment.measure];
  const blur = noiseShare(noise, primary);
  if (noise === null || blur === null) {
    const why = `no round of ${again.target} counts beside one of ${again.of}. Ratios are judged by their intervals alone.`;
    return lack === null ? `<p class="small">Noise of the machine: not measured here, for ${escaped(why)}</p>` : '';
  }
  return `<p class="small">Noise of the machine: ${escaped(again.of)}, measured twice, gave a ${figureWords[primary].name}
ratio of ${ratio(noise[primary].value)} (${interval(noise[primary], ratio)}). Ratios within ${share(blur)} of 1 say nothing.</p>`;
}

/** The finding in a sentence: who is nearest to the baseline, and who is furthest. */
function ledeOf({ experiment, rows, baseline }: Part): string {
  const [primary] = figuresOf[experiment.measure];
  const told = rows.flatMap(({ target, ratios, clientBound }) =>
    ratios === null || clientBound || target === again.target ? [] : [{ target, value: ratios[primary].value }],
  );
  const sorted = told.sort((a, b) => (primary === 'perSecond' ? b.value - a.value : a.value - b.value));
  const [best, worst] = [sorted[0], sorted.at(-1)];
  if (best === undefined || worst === undefined) return '';
  const what = primary === 'perSecond' ? 'answers a second' : `${primary} latency`;
  const furthest = best === worst ? '' : `, <b>${escaped(worst.target)}</b> ${ratio(worst.value)} times`;
  return `<p class="lede"><b>${escaped(best.target)}</b> has ${ratio(best.value)} times the ${what} of ${escaped(baseline)}${furthest}.</p>`;
}

function latencyFigure({ experiment, rows, rounds, kind }: Part): string {
  const lines = rows.flatMap(({ target }) => {
    const histogram = merged(rounds.filter(round => round.target === target));
    return histogram === null ? [] : [{ name: target, kind: kind(target), places: curveOf(histogram) }];
  });
  const saturated = experiment.measure === 'throughput';
  const title = saturated ? 'Latency by percentile, as fast as it goes' : 'Latency by percentile';
  const drawn = twice((width, shape) => curves(lines, `${experiment.name}: ${title}`, width, shape));
  if (drawn === '') return '';
  const from = saturated
    ? 'From the sending of a request. Each connection waits for its answer before it asks again, so a slow target is asked less.'
    : 'From the moment a request was meant to be sent, so waiting in a queue counts.';
  return `<figure>${heading(title, 'lower is better')}${drawn}
<figcaption>${from} All rounds that count together; both axes are logarithmic. A line ends where fewer than ten answers were slower.</figcaption></figure>`;
}

const heading = (title: string, better: string): string =>
  `<h3>${escaped(title)} <span class="better">– ${better}</span></h3>`;

function panel(title: string, better: string, all: readonly Bar[], caption = ''): string {
  if (all.length === 0) return '';
  const below = caption === '' ? '' : `<figcaption>${caption}</figcaption>`;
  return `<figure>${heading(title, better)}${bars(all, title)}${below}</figure>`;
}

function barOf({ kind }: Part, { target }: RowSummary, value: Estimate, shown: string): Bar {
  return { name: target, kind: kind(target), value, shown };
}

const speedBars = (part: Part): Bar[] =>
  part.rows.map(row => {
    const bar = barOf(part, row, row.perSecond, whole(row.perSecond.value));
    return row.clientBound ? { ...bar, flag: 'client-bound' } : bar;
  });

function cpuPanel(part: Part): string {
  const all = part.rows.flatMap(row => {
    const { cpuUsPerAnswer: cpu } = row;
    return cpu === null ? [] : [barOf(part, row, cpu, time(cpu.value))];
  });
  return panel('CPU per answer', 'lower is better', all, 'Of its own processes alone. 1 µs is 1 ms for 1,000 answers.');
}

function memoryPanel(part: Part): string {
  const all = part.rows.flatMap(row => {
    const { rssMiB, peakMiB, perSecond } = row;
    if (rssMiB === null) return [];
    const each = perSecond.value > 0 ? ` · ${digits((rssMiB * 1000) / perSecond.value)} per 1,000/s` : '';
    const bar = barOf(part, row, { value: rssMiB, low: rssMiB, high: rssMiB }, `${digits(rssMiB)} MiB${each}`);
    return [peakMiB === null ? bar : { ...bar, mark: peakMiB }];
  });
  return panel(
    'Memory',
    'lower is better',
    all,
    'Resident, and for each 1,000 answers a second. The tick is the peak.',
  );
}

function ratioTable({ experiment, rows, rounds, baseline, noise, lack }: Part): string {
  if (lack !== null) return '';
  const figures = figuresOf[experiment.measure];
  const heads = figures.map(
    figure => `<th>${figureWords[figure].name}<small>${figureWords[figure].better}</small></th>`,
  );
  const cell = (figure: Figure, row: RowSummary, first: boolean) => {
    if (row.ratios === null) return '<td>–</td>';
    const [value, pairs] = [row.ratios[figure], pairsOf(row)];
    const blur = isNoise(value, noiseShare(noise, figure), pairs);
    const kind = [first ? 'first' : '', blur ? 'noise' : ''].filter(Boolean).join(' ');
    return `<td class="${kind}">${ratio(value.value)}×${reach(pairs, value, ratio)}</td>`;
  };
  const lines = rows
    .filter(({ target }) => target !== baseline)
    .map(row => {
      const cells = figures.map((figure, at) => cell(figure, row, at === 0));
      const pairs = row.ratios === null ? '–' : promised(pairsOf(row));
      return `<tr>${nameCell(row, rounds)}${cells.join('')}<td>${pairs}</td></tr>`;
    });
  if (lines.length === 0) return '';
  return `<figure>${heading(`Ratio to ${baseline}`, 'grey: no difference that this run could see')}<div class="scroll"><table>
<tr><th>Target</th>${heads.join('')}<th>pairs<small>and what they promise</small></th></tr>${lines.join('\n')}</table></div></figure>`;
}

/** The interval under a figure: of one round there is none. */
function reach(rounds: number, value: Estimate, write: (value: number) => string): string {
  return rounds < 2 ? '' : `<small>${interval(value, write)}</small>`;
}

function nameCell(row: RowSummary, rounds: Part['rounds']): string {
  const flags = flagsOf(row, rounds);
  const told = flags.length === 0 ? '' : `<small class="warn">${escaped(flags.join(', '))}</small>`;
  return `<td>${escaped(row.target)}${told}</td>`;
}

/** What went wrong, in the words of those who saw it. */
function trouble(part: Part): string {
  const { rows, rounds, baseline } = part;
  const voids = rounds.flatMap(each =>
    each.void === null ? [] : [`Round ${each.round} of ${each.target} does not count: ${each.void}.`],
  );
  const complaints = rows.flatMap(({ target, wrong }) => {
    const seen = rounds.flatMap(each => (each.target === target ? (each.load?.complaints ?? []) : []));
    const told = [...new Set(seen)].slice(0, 3).join('; ');
    return wrong === 0 ? [] : [`${target}: ${times(wrong, 'answer')} not as it should be${told && ` (${told})`}.`];
  });
  const bound = rows.filter(({ clientBound }) => clientBound).map(({ target }) => target);
  const why = `Client-bound (${bound.join(', ')}): the load generator was the limit, so the figure says how fast that is.`;
  const more = bound.includes(baseline)
    ? ' The baseline can do more than is shown: each ratio of answers/s to it is an upper bound, and the true one is lower.'
    : '';
  const failed = failuresTold(part).map(told => `${told}.`);
  const all = [...voids, ...failed, ...complaints, ...(bound.length === 0 ? [] : [why + more])];
  return listOf(all);
}

function figureTable({ rows, rounds }: Part): string {
  const lines = rows.map(row => {
    const blank = row.rounds === 0;
    const histogram = merged(rounds.filter(round => round.target === row.target));
    const three = histogram === null ? '–' : time(histogram.getValueAtPercentile(99.9));
    const cell = (value: Estimate | null, write: (value: number) => string, more = '') =>
      value === null || blank
        ? '<td>–</td>'
        : `<td>${write(value.value)}${reach(row.rounds, value, write)}${more}</td>`;
    const memory = row.rssMiB === null ? '–' : `${digits(row.rssMiB)}<small>peak ${digits(row.peakMiB ?? 0)}</small>`;
    const late = row.latenessUs === null ? '' : `<small>sender late ${time(row.latenessUs)}</small>`;
    const cells = [
      cell(row.perSecond, whole),
      cell(row.p50Us, time),
      cell(row.p99Us, time, late),
      `<td>${blank ? '–' : three}</td>`,
      cell(row.cpuUsPerAnswer, time),
      `<td>${memory}</td><td>${promised(row.rounds)}</td>`,
    ];
    return `<tr>${nameCell(row, rounds)}${cells.join('')}</tr>`;
  });
  const heads = ['Target', 'answers/s', 'p50', 'p99', 'p99.9', 'CPU', 'MiB', 'rounds'];
  return `<details><summary>All figures</summary><div class="scroll"><table><tr>${heads.map(head => `<th>${head}</th>`).join('')}</tr>
${lines.join('\n')}</table></div><p class="small">Medians over the rounds with their intervals, and beside the number of rounds what these promise; p99.9 of all rounds together; lateness is the p99 of the worst round.</p></details>`;
}
