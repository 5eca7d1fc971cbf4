/** What people see while a sandbox runs: the steps of the start, then a calm view of who calls whom. */
import { foldLines, layTable, widthOf } from '../layout.ts';
import type { Flow } from './traffic.ts';

/** A line for each flow on a terminal that redraws in place; on anything else only what is new. */
export interface Screen {
  phase(text: string): void;
  flows(flows: readonly Flow[]): void;
  /** Text that stays. */
  say(text: string): void;
}

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createScreen(out: Terminal, engine: string): Screen {
  return out.isTTY ? liveScreen(out, engine) : plainScreen(out, engine);
}

function liveScreen(out: Terminal, engine: string): Screen {
  let drawn = 0;
  // Up to the first line of what was drawn last, and everything below it is cleared.
  const erase = () => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const say = (text: string) => {
    erase();
    out.write(`${text}\n`);
  };
  return {
    say,
    phase: text => say(`✓ ${text}`),
    flows(flows) {
      erase();
      const lines = ['', ...render(flows, engine, widthOf(out)), ''];
      out.write(`${lines.join('\n')}\n`);
      drawn = lines.length;
    },
  };
}

function plainScreen(out: Terminal, engine: string): Screen {
  const seen = new Set<string>();
  const say = (text: string) => void out.write(`${text}\n`);
  return {
    say,
    phase: text => say(`- ${text}`),
    flows(flows) {
      for (const flow of flows.filter(({ calls }) => calls > 0)) {
        const line = sentence(flow, engine);
        if (seen.has(line)) continue;
        // What a client meets now takes the place of what it met before, so a change back is news again.
        for (const old of seen) if (old.startsWith(subject(flow))) seen.delete(old);
        seen.add(line);
        say(line);
      }
    },
  };
}

const subject = ({ client, request, service }: Flow) => `${client} → ${service} ${request} `;

const shortly = (flow: Flow) => `${subject(flow)}→ ${flow.status || '-'} ${flow.answer}`;

function sentence(flow: Flow, engine: string): string {
  return `${subject(flow)}→ ${flow.status} ${flow.answer} (mutual TLS, ${engine} sidecars)`;
}

/** What a narrow terminal does without, the first one first. */
const expendable = ['THROUGH', 'TOTAL', 'NOW'] as const;

/** Lines that no terminal of this width breaks: they are counted to be drawn over. */
function render(flows: readonly Flow[], engine: string, width: number): readonly string[] {
  if (flows.length === 0) return foldLines('Nobody called anybody in the last second.', width).split('\n');
  const header = ['WHO', 'CALLS', 'REQUEST', 'STATUS', 'ANSWER', 'NOW', 'TOTAL', 'THROUGH'];
  const rows = rowsOf(flows, engine);
  const left = [undefined, ...expendable].map((_, count) => header.length - count);
  const natural = (columns: number) => layTable(header.slice(0, columns), rows, Number.POSITIVE_INFINITY).split('\n');
  const fitting = left.find(columns => natural(columns).every(line => line.length <= width));
  if (fitting !== undefined) return natural(fitting);
  return flows.flatMap(flow => foldLines(shortly(flow), width).split('\n'));
}

function rowsOf(flows: readonly Flow[], engine: string): readonly string[][] {
  return flows.map(({ client, service, request, status, answer, rate, total }) => [
    client,
    `→ ${service}`,
    request,
    String(status || '-'),
    answer,
    `${rate.toFixed(1)}/s`,
    String(total),
    engine,
  ]);
}
