/** Who called whom with which answer, counted from the lines that the demo's apps print. */
import type { ContainerLine } from '../../sandbox/kubelet/host.ts';

export interface Flow {
  /** The client: its pod's name without what makes it unique. */
  readonly client: string;
  readonly service: string;
  readonly request: string;
  readonly status: number;
  /** First word of the answer: who gave it, or why there was none. */
  readonly answer: string;
  /** Calls since the last `take`. */
  readonly calls: number;
  /** Calls for each `take`, on the average of the last few. */
  readonly rate: number;
  readonly total: number;
}

export interface Traffic {
  add(line: ContainerLine): void;
  /** Every flow that had calls lately, in a steady order; the count begins anew. */
  take(): readonly Flow[];
}

/** Different flows that are told apart; further ones are not counted. */
const flowsMax = 100;

/** A flow is shown until it was silent for so many times. */
const silentMax = 2;

/** So many times are averaged. */
const averaged = 5;

interface Counted {
  readonly flow: Omit<Flow, 'calls' | 'rate' | 'total'>;
  calls: number;
  total: number;
  /** Calls of the last times, the newest first. */
  history: readonly number[];
}

const callLine = /^(\S+) http:\/\/([^/\s]+)(\S*) → (\d+) ?(.*)$/;

export function createTraffic(): Traffic {
  const flows = new Map<string, Counted>();
  return {
    add({ pod, line }) {
      const [, method, host = '', path, status, text = ''] = callLine.exec(line) ?? [];
      if (method === undefined) return;
      const flow = {
        client: pod.replace(/-[0-9a-f]{10}-[0-9a-z]{5}$/, ''),
        service: host.split('.')[0] ?? host,
        request: `${method} ${path}`,
        status: Number(status),
        answer: answerOf(Number(status), text),
      };
      const key = JSON.stringify(flow);
      const counted = flows.get(key) ?? { flow, calls: 0, total: 0, history: [] };
      counted.calls += 1;
      counted.total += 1;
      if (flows.has(key) || flows.size < flowsMax) flows.set(key, counted);
    },
    take() {
      const sorted = [...flows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counted]) => counted);
      for (const counted of sorted) {
        counted.history = [counted.calls, ...counted.history].slice(0, averaged);
        counted.calls = 0;
      }
      return sorted.filter(({ history }) => history.slice(0, silentMax).some(calls => calls > 0)).map(shown);
    },
  };
}

function shown({ flow, total, history }: Counted): Flow {
  const rate = history.reduce((sum, calls) => sum + calls, 0) / history.length;
  return { ...flow, calls: history[0] ?? 0, rate, total };
}

/** Of a success who answered; of a refusal its reason, a word before a colon. */
function answerOf(status: number, text: string): string {
  if (status === 0) return 'no answer';
  return text.split(status < 400 ? ' ' : ':')[0] ?? '';
}
