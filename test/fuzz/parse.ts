/**
 * A strict reading of HTTP/1.1 (RFC 9112), to know what a proxy has to do with some bytes. `whole`: every recipient reads them
 * in the same way, and they have to pass. `odd`: where they end is clear, but a recipient may refuse them. `partial`: more
 * has to come, or nobody can say where they end.
 */
export type Grade = 'whole' | 'odd' | 'partial';

/** Names as they were written. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** A request or a response, of either version of HTTP. */
export interface Message {
  readonly grade: Grade;
  /** What is not whole about it. */
  readonly why: string;
  /** HTTP/1.0 or 1.1; `2.0` for HTTP/2. */
  readonly version: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
  /** Of HTTP/2 only: in HTTP/1.1 they may be dropped. */
  readonly trailers: Fields;
  /** Statuses of the responses before the last one. */
  readonly interim: readonly number[];
  /** Bytes that belong to it. */
  readonly used: number;
}

interface Head {
  readonly start: string;
  readonly fields: Fields;
  readonly length: number;
  readonly why: string;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Heads up to this size pass: the shells take 64 KiB. */
const headMax = 60_000;

/** Longer names of methods may be taken for something else than HTTP. */
const methodMax = 30;

/** Values of a header, as they were written. */
export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** The head at the start of some bytes; undefined while it is not complete. */
export function headOf(bytes: string): Head | undefined {
  const end = /\r?\n\r?\n/.exec(bytes);
  if (end === null) return undefined;
  const text = bytes.slice(0, end.index + end[0].length);
  const [start = '', ...lines] = text.slice(0, end.index).split(/\r?\n/);
  const fields = lines.map(line => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(0, colon)), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')] as const;
  });
  return { start, fields, length: text.length, why: oddities(text, fields) };
}

function oddities(text: string, fields: Fields): string {
  if (/(^|[^\r])\n|\r(?!\n)/.test(text)) return 'a bare line feed or carriage return';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for.
  if (/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text)) return 'a control character';
  if (fields.some(([name]) => !token.test(name))) return 'the name of a header';
  if (text.length > headMax) return 'a long head';
  return '';
}

/** Reads the first request in some bytes. */
export function readRequest(bytes: string): Message {
  const skipped = /^(\r\n)?/.exec(bytes)?.[0].length ?? 0;
  const head = headOf(bytes.slice(skipped));
  if (head === undefined) return nothing('partial', 'the head is not complete');
  const [method = '', target = '', version = '', ...more] = head.start.split(' ');
  const length = skipped + head.length;
  const body = requestBody(head.fields, bytes.slice(length));
  const why = head.why || requestLineWhy(method, target, version, more) || hostWhy(head.fields, target, version);
  const message = {
    version: version.slice(5),
    method,
    target,
    status: 0,
    fields: head.fields,
    trailers: [],
    interim: [],
  };
  return {
    ...message,
    ...graded(why || usesWhy(head.fields, version), body),
    body: body.text,
    used: length + body.used,
  };
}

function requestLineWhy(method: string, target: string, version: string, more: readonly string[]): string {
  if (!token.test(method) || more.length > 0 || !/^HTTP\/1\.[01]$/.test(version)) return 'the request line';
  if (method === 'CONNECT') return 'a tunnel';
  if (method.length > methodMax) return 'a long method';
  if (
    !/^(\/|http:\/\/[\w.:-]+)[\x21\x24-\x5b\x5d\x5f\x61-\x7a\x7e]*$/.test(target) &&
    !(target === '*' && method === 'OPTIONS')
  )
    return 'the target';
  return target.length > 8000 ? 'a long target' : '';
}

function hostWhy(fields: Fields, target: string, version: string): string {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1 || (hosts.length === 0 && version !== 'HTTP/1.0')) return 'not one Host';
  const [host] = hosts;
  if (host === undefined || !/^[a-z0-9.-]+(:\d*)?$/i.test(host)) return 'the Host';
  // Which of two different names counts is the same for everybody, but not what is passed on.
  return /^http:\/\//.test(target) && !target.startsWith(`http://${host}/`) ? 'a target of another host' : '';
}

/** Headers that a recipient may refuse, or that change what the message is. */
function usesWhy(fields: Fields, version: string): string {
  const [upgrade, expect] = [valuesOf(fields, 'upgrade').join(), valuesOf(fields, 'expect')];
  if (/websocket/i.test(upgrade)) return 'a WebSocket';
  if (expect.some(value => value.toLowerCase() !== '100-continue')) return 'an expectation';
  if (expect.length > 0 && version === 'HTTP/1.0') return 'an expectation of HTTP/1.0';
  if (valuesOf(fields, 'transfer-encoding').length > 0 && version === 'HTTP/1.0') return 'chunks of HTTP/1.0';
  return '';
}

interface Body {
  readonly grade: Grade;
  readonly text: string;
  readonly used: number;
  readonly why: string;
}

function graded(why: string, body: Body): { grade: Grade; why: string } {
  if (body.grade === 'partial') return { grade: 'partial', why: body.why };
  const all = why || body.why;
  return { grade: all === '' ? 'whole' : 'odd', why: all };
}

function nothing(grade: Grade, why: string): Message {
  const start = { version: '', method: '', target: '', status: 0 };
  return { grade, why, ...start, fields: [], body: '', trailers: [], interim: [], used: 0 };
}

const empty: Body = { grade: 'whole', text: '', used: 0, why: '' };

function requestBody(fields: Fields, bytes: string): Body {
  return framedBody(fields, bytes) ?? empty;
}

/** The body that the headers say the length of; undefined where they say nothing. */
function framedBody(fields: Fields, bytes: string): Body | undefined {
  const codings = valuesOf(fields, 'transfer-encoding').join().toLowerCase();
  const lengths = valuesOf(fields, 'content-length');
  if (codings !== '')
    return codings === 'chunked' ? chunks(bytes, lengths.length > 0) : { ...empty, grade: 'odd', why: 'the coding' };
  if (lengths.length === 0) return undefined;
  const [length = ''] = lengths;
  if (lengths.length > 1 || !/^\d{1,9}$/.test(length)) return { ...empty, grade: 'partial', why: 'the length' };
  const text = bytes.slice(0, Number(length));
  if (text.length < Number(length)) return { ...empty, grade: 'partial', why: 'the body is not complete' };
  return { ...empty, text, used: text.length };
}

/** RFC 9112, 7.1: extensions are for nobody, trailers may be dropped. */
function chunks(bytes: string, hasLength: boolean): Body {
  let [at, text, why] = [0, '', hasLength ? 'a length beside chunks' : ''];
  for (;;) {
    const line = /^([0-9a-fA-F]{1,6})(;[\t\x20-\x7e]*)?\r\n/.exec(bytes.slice(at, at + 4000));
    if (line === null) return { ...empty, grade: 'partial', why: 'a chunk' };
    const size = Number.parseInt(line[1] ?? '', 16);
    at += line[0].length;
    if (size === 0) break;
    if (bytes.length < at + size + 2) return { ...empty, grade: 'partial', why: 'a chunk is not complete' };
    if (bytes.slice(at + size, at + size + 2) !== '\r\n')
      return { ...empty, grade: 'partial', why: 'the end of a chunk' };
    text += bytes.slice(at, at + size);
    at += size + 2;
  }
  const trailers = bytes.startsWith('\r\n', at) ? undefined : headOf(`\r\n${bytes.slice(at)}`);
  if (bytes.startsWith('\r\n', at)) return { grade: why === '' ? 'whole' : 'odd', text, used: at + 2, why };
  if (trailers === undefined) return { ...empty, grade: 'partial', why: 'the trailers are not complete' };
  why ||= trailers.why;
  return { grade: why === '' ? 'whole' : 'odd', text, used: at + trailers.length - 2, why };
}

/**
 * Reads the first response in some bytes, with the interim ones before it.
 *
 * @param method of the request
 * @param ended whether the connection has ended behind these bytes
 */
export function readResponse(bytes: string, method: string, ended: boolean): Message {
  const interim: number[] = [];
  let [at, why] = [0, ''];
  for (;;) {
    const head = headOf(bytes.slice(at));
    if (head === undefined) return { ...nothing('partial', 'the head is not complete'), interim };
    const [, version = '', status = '', space = ' '] = /^HTTP\/(1\.[01]) (\d{3})( |$)/.exec(head.start) ?? [];
    if (status === '') return { ...nothing('partial', 'the status line'), interim };
    at += head.length;
    why ||= head.why || (space === '' ? 'no reason' : '');
    if (Number(status) < 100 || Number(status) > 599) why ||= 'the status';
    if (/^1/.test(status) && status !== '101') {
      interim.push(Number(status));
      continue;
    }
    if (status === '101') why ||= 'another protocol';
    const body = responseBody(head.fields, bytes.slice(at), method, Number(status), ended);
    if (version === '1.0' && valuesOf(head.fields, 'transfer-encoding').length > 0) why ||= 'chunks of HTTP/1.0';
    const message = { version, method, target: '', status: Number(status), fields: head.fields, trailers: [], interim };
    return { ...message, ...graded(why, body), body: body.text, used: at + body.used };
  }
}

/** What is odd about the framing of a response that has no body. */
function unframed(fields: Fields): Pick<Body, 'grade' | 'why'> {
  const [codings, lengths] = [valuesOf(fields, 'transfer-encoding'), valuesOf(fields, 'content-length')];
  const usual =
    codings.length === 0 ? lengths.length < 2 : lengths.length === 0 && codings.join().toLowerCase() === 'chunked';
  if (usual && lengths.every(length => /^\d{1,9}$/.test(length))) return { grade: 'whole', why: '' };
  return { grade: 'odd', why: 'the framing of no body' };
}

function responseBody(fields: Fields, bytes: string, method: string, status: number, ended: boolean): Body {
  if (method === 'CONNECT' && status < 300) return empty;
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return { ...empty, ...unframed(fields) };
  const framed = framedBody(fields, bytes);
  if (framed !== undefined) return framed;
  return {
    grade: ended ? 'whole' : 'partial',
    text: bytes,
    used: bytes.length,
    why: ended ? '' : 'ends with the connection',
  };
}
