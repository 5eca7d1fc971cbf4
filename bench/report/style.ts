/** How the page looks: paper and ink, by day and by night, on a wall and in a hand. */

/** Of lines, dots and bars: the first is the baseline's. Told apart by those who see red and green alike, as far as ten can be. */
const day = ['5c6066', '0b62a4', 'c2571a', '14806a', '8a4599', '9a7400', 'bf3558', '3b8fb8', '7a5230', '5b6b17'];
const night = ['a8adb5', '62abe6', 'f08a4b', '45c2a4', 'c98bd8', 'dcb545', 'f27f9a', '8accec', 'c79a72', 'a9bd55'];

/** Class of the nth target. The first colour is the baseline's alone; the others come again, and then their lines are broken and their dots rings. */
export function kindOf(nth: number): string {
  const others = day.length - 1;
  return nth < 1 ? 'c0' : `c${1 + ((nth - 1) % others)}${nth > others ? ' more' : ''}`;
}

const variables = (colours: readonly string[]) => colours.map((colour, at) => `--c${at}:#${colour}`).join(';');
const use = (kind: string, colour: string) =>
  `.bar${kind},.dot${kind},text${kind}{fill:${colour}}.line${kind},.span${kind},.dot.more${kind},.dot.variant${kind}{stroke:${colour}}`;
const uses = day.map((_, at) => use(`.c${at}`, `var(--c${at})`)).join('\n');

/** The style sheet of the page. */
export const style = `
:root{color-scheme:light dark;--paper:#fffefb;--ink:#1c1d1f;--soft:#5f6368;--rule:#e3e0d8;--shade:#f5f2ea;--warn:#a3410d;
${variables(day)}}
@media(prefers-color-scheme:dark){:root{--paper:#141517;--ink:#e9e7e2;--soft:#a3a6ab;--rule:#33353a;--shade:#1e2023;--warn:#f0a36b;
${variables(night)}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 Charter,'Bitstream Charter',Georgia,'Liberation Serif',serif}
main{max-width:908px;margin:0 auto;padding:28px 24px 64px}
h1{font-size:36px;line-height:1.12;margin:4px 0 10px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:25px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h3{font:600 14px/1.35 var(--sans);margin:0}
:root{--sans:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Liberation Sans',Arial,sans-serif}
p{margin:8px 0;max-width:44em;overflow-wrap:anywhere}
.kicker,.better,.axes,.legend,figcaption,dl,table,.banner,.small,li{font-family:var(--sans)}
.kicker{font-size:12px;letter-spacing:.09em;text-transform:uppercase;color:var(--soft);margin:0}
.lede{font-size:19px;line-height:1.45}
.axes,.small,.better{color:var(--soft);font-size:13px;margin:0}
.better{font-weight:400;display:inline-block;white-space:nowrap}.axes{max-width:none}.small{max-width:60em;margin:8px 0}p,li{text-wrap:pretty}h1,h2{text-wrap:balance}
header{border-top:4px solid var(--ink);padding-top:10px}
section{border-top:1px solid var(--ink);margin-top:40px;padding-top:12px}
figure{margin:22px 0 0}
figcaption{font-size:13px;color:var(--soft);margin:6px 0 0;max-width:52em}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:6px 28px}
svg{display:block;width:100%;height:auto;margin-top:8px;font-family:var(--sans);overflow:visible}
svg.bars{max-width:360px}
svg.narrow{display:none}
text{font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums}
.tick{fill:var(--soft);font-size:11.5px}
.rule{stroke:var(--rule)}.axis,.one{stroke:var(--ink)}.hair{stroke:var(--soft);stroke-width:.6;stroke-dasharray:1 2}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.line.more{stroke-dasharray:9 3}.line.variant{stroke-dasharray:2 3}.line.again,.one.again{stroke-dasharray:4 3}
.name{font-weight:500}.halo{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}.flag{fill:var(--warn);font-weight:400;font-size:11px}
.bar.again,.bar.variant{fill-opacity:.65}.bar.faint{fill-opacity:.45}.whisker{stroke:var(--ink);stroke-width:1.2}.peak{stroke:var(--soft);stroke-width:1.5}
.band{fill:var(--soft);fill-opacity:.16}.span{stroke-width:2.5;stroke-opacity:.55}.dot{stroke:var(--paper);stroke-width:1}.dot.dot.more{fill:var(--paper);stroke-width:2}.dot.dot.variant{fill-opacity:.3;stroke-width:1.5}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;margin:12px 0 0;padding:0;list-style:none}
.legend svg{display:inline-block;width:10px;height:10px;margin:0 6px 0 0;vertical-align:baseline}
.scroll{overflow-x:auto;margin-top:8px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft);font-size:12.5px;line-height:1.3;vertical-align:bottom}
th,td{text-align:right;padding:6px 0 6px 16px;border-bottom:1px solid var(--rule)}
td{vertical-align:top}
th:first-child,td:first-child{text-align:left;padding-left:0}
td small,th small{display:block;color:var(--soft);font-size:12px;font-weight:400;white-space:nowrap}
td:first-child{overflow-wrap:anywhere;min-width:76px}
.first{font-weight:650}.noise{color:var(--soft);font-weight:400}
.warn,td .warn{color:var(--warn)}
.banner{border-left:4px solid var(--warn);background:var(--shade);padding:8px 14px;font-size:14px;margin:14px 0}
details{margin-top:14px}summary{font:500 14px var(--sans);cursor:pointer;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;font-size:14px;margin:8px 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
li{font-size:14px;margin:3px 0;overflow-wrap:anywhere}ol,ul{padding-left:22px;margin:8px 0;max-width:56em}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:0 40px}
${uses}
@media(max-width:640px){main{padding:16px 16px 48px}h1{font-size:28px}h2{font-size:21px}.lede{font-size:17px}
svg.wide{display:none}svg.narrow{display:block}th,td{padding-left:10px}td small,th small{font-size:11px}table{font-size:13px}}
@media print{section{break-inside:avoid}details{display:block}}
`;
