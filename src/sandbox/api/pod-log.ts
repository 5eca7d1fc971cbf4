/** `pods/log`: every parameter of core/v1 PodLogOptions is in force or refused in words. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { LogRequest, PodLog } from './context.ts';
import { isObject, type KubeObject, objectAt } from './objects.ts';
import { badRequest, type Cause, invalid, notInSandbox } from './status.ts';

const about = (name: string) => ({ group: '', kind: 'PodLogOptions', name });

/** Parameters that are numbers, with the least that each may be. */
const numbers = { tailLines: 0, limitBytes: 1, sinceSeconds: 1 } as const;

type Numbers = Partial<Record<keyof typeof numbers, number>>;

/** A number that is none is a 400, one that is too small a 422, as in the real server. */
function numbersOf(query: URLSearchParams, pod: string): Numbers {
  const values: Numbers = {};
  const causes: Cause[] = [];
  for (const [name, least] of Object.entries(numbers) as [keyof typeof numbers, number][]) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    if (!/^-?\d{1,15}$/.test(text)) throw badRequest(`${name}: ${JSON.stringify(text)} is no whole number`);
    values[name] = Number(text);
    const message = `Invalid value: ${text}: must be greater than or equal to ${least}`;
    if (Number(text) < least) causes.push({ reason: 'FieldValueInvalid', message, field: name });
  }
  if (values.sinceSeconds !== undefined && query.get('sinceTime')) {
    const message = 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified';
    causes.push({ reason: 'FieldValueForbidden', message, field: '' });
  }
  if (causes.length > 0) throw invalid(about(pod), causes);
  return values;
}

function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || ['false', '0', ''].includes(text)) return text === '';
  if (['true', '1'].includes(text)) return true;
  throw badRequest(`${name}: ${JSON.stringify(text)} is neither true nor false`);
}

function sinceOf(query: URLSearchParams, seconds: number | undefined, nowMs: number): number | undefined {
  if (seconds !== undefined) return nowMs - 1000 * seconds;
  const text = query.get('sinceTime');
  if (!text) return undefined;
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw badRequest(`sinceTime: ${JSON.stringify(text)} is no time of RFC 3339`);
  return atMs;
}

const namesOf = (containers: unknown): readonly string[] =>
  Array.isArray(containers) ? containers.filter(isObject).map(one => String(one.name)) : [];

/** The container that is meant; of several it has to be said which. */
function containerOf({ metadata, spec }: KubeObject, asked: string): string {
  const { containers, initContainers } = objectAt(spec);
  const names = namesOf(containers);
  if (asked !== '') {
    if ([...names, ...namesOf(initContainers)].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
  }
  const [only = '', ...others] = names;
  if (others.length === 0) return only;
  throw badRequest(`a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(' ')}]`);
}

/** Why there is nothing to read, in the words of a real kubelet. */
function missing({ metadata, status }: KubeObject, container: string, previous: boolean) {
  const { name } = metadata;
  if (previous) return badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
  const { containerStatuses } = objectAt(status);
  const states = Array.isArray(containerStatuses) ? containerStatuses.filter(isObject) : [];
  const state = objectAt(objectAt(states.find(one => one.name === container)).state);
  const why = objectAt(state.waiting).reason ?? objectAt(status).phase ?? 'Pending';
  return badRequest(`container "${container}" in pod "${name}" is waiting to start: ${why}`);
}

/** Writes the log that a request asks for; resolves when it is written, or the client has gone. */
export async function servePodLog(
  podLog: PodLog | undefined,
  pod: KubeObject,
  query: URLSearchParams,
  response: ServerResponse,
  nowMs: number,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const stream = query.get('stream');
  if (stream !== null && stream !== 'All') throw notInSandbox(400, `the log of ${stream} alone`);
  const { limitBytes, tailLines, sinceSeconds } = numbersOf(query, pod.metadata.name);
  const request: LogRequest = {
    container: containerOf(pod, query.get('container') ?? ''),
    follow: flag(query, 'follow'),
    previous: flag(query, 'previous'),
    timestamps: flag(query, 'timestamps'),
    sinceMs: sinceOf(query, sinceSeconds, nowMs),
    tailLines,
    signal: gone.signal,
  };
  const lines = await podLog?.(pod, request);
  if (lines === undefined) throw missing(pod, request.container, request.previous);
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  await pour(limited(lines, limitBytes), response, gone.signal);
  response.end();
}

async function pour(lines: AsyncIterable<Uint8Array>, response: ServerResponse, gone: AbortSignal): Promise<void> {
  for await (const chunk of lines) {
    if (!response.write(chunk)) await once(response, 'drain', { signal: gone });
  }
}

/** So many bytes and no more, wherever a line ends. */
async function* limited(
  lines: AsyncIterable<Uint8Array | string>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const line of lines) {
    const bytes = Buffer.from(line);
    yield bytes.subarray(0, left);
    left -= bytes.length;
    if (left <= 0) return;
  }
}
