/** The growth picture: one panel for each figure, proxies from left to right, each doubling the same step. */

/** One size of the mesh and what was measured there. */
export interface Point {
  readonly proxies: number;
  readonly values: Readonly<Record<string, number>>;
}

/** A panel: the figures of one unit, drawn from zero. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly { readonly name: string; readonly label: string }[];
}

const [width, height] = [300, 200];
const margin = { left: 44, right: 14, top: 30, bottom: 30 };
const colours = ['#0b62a4', '#c2571a'];

/** @returns an SVG document, panels side by side */
export function picture(points: readonly Point[], panels: readonly Panel[]): string {
  const drawn = panels.map((panel, at) => `<g transform="translate(${at * width} 0)">${draw(panel, points)}</g>`);
  const style = 'text{font:11px sans-serif;fill:#333}.t{font-weight:bold}.g{stroke:#ddd}';
  const size = `width="${panels.length * width}" height="${height}"`;
  const paper = '<rect width="100%" height="100%" fill="#fff"/>';
  const title = `<title>${panels.map(panel => panel.title).join('; ')}</title>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${title}<style>${style}</style>${paper}${drawn.join('')}</svg>\n`;
}

function draw({ title, unit, lines }: Panel, points: readonly Point[]): string {
  const all = lines.flatMap(({ name }) => points.map(({ values }) => values[name] ?? 0));
  const top = rounded(Math.max(...all));
  const at = { x: horizontal(points), y: (value: number) => height - margin.bottom - (value / top) * plotHeight };
  const grid = [0, 0.5, 1].map(share => {
    const y = at.y(share * top);
    const label = `<text x="${margin.left - 6}" y="${y + 4}" text-anchor="end">${share * top}</text>`;
    return `<line class="g" x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}"/>${label}`;
  });
  const ticks = points.map(
    ({ proxies }) => `<text x="${at.x(proxies)}" y="${height - 12}" text-anchor="middle">${proxies}</text>`,
  );
  const head = `<text class="t" x="${margin.left}" y="16">${title}, ${unit}</text>`;
  return [head, ...grid, ...ticks, ...lines.map((line, index) => curve(line, index, points, at))].join('');
}

const plotHeight = height - margin.top - margin.bottom;

function horizontal(points: readonly Point[]): (proxies: number) => number {
  const [least = 1, most = 1] = [points[0]?.proxies, points.at(-1)?.proxies];
  const span = Math.max(1, Math.log2(most / least));
  return proxies => margin.left + 14 + (Math.log2(proxies / least) / span) * (width - margin.left - margin.right - 28);
}

function curve(
  { name, label }: Panel['lines'][number],
  index: number,
  points: readonly Point[],
  at: { x(value: number): number; y(value: number): number },
): string {
  const colour = colours[index % colours.length];
  const places = points.map(({ proxies, values }) => [at.x(proxies), at.y(values[name] ?? 0)] as const);
  const path = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const dots = places.map(([x, y]) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour}"/>`);
  const [x, y] = places.at(-1) ?? [0, 0];
  const words = `<text x="${x}" y="${y - 8}" text-anchor="end" style="fill:${colour}">${label}</text>`;
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}${words}`;
}

/** The next of 1, 2, 5, 10, 20 … above a value. */
function rounded(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * 1.15) ?? 20 * power;
}
