import type { Http2Stream } from 'node:http2';
import { isUnseen } from '../policy/match.js';
import type { Headers } from '../policy/types.ts';

/** Headers in the order and spelling in which they came; a name may stand several times. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** `[name, value, name, value …]`, as Node has them, in pairs. */
export function pairs(raw: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) list.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return list;
}

/** The values of a header, in lower case. */
export function valuesOf(list: HeaderList, name: string): readonly string[] {
  return list.filter(([key]) => isNamed(key, name)).map(([, value]) => value.toLowerCase());
}

/** Most names differ in length already. */
function isNamed(key: string, name: string): boolean {
  return key.length === name.length && key.toLowerCase() === name;
}

/** Whether a header is there, by its lower-case name. */
export function has(list: HeaderList, name: string): boolean {
  return list.some(([key]) => isNamed(key, name));
}

/** What is passed on: without headers of the connection, without those that `Connection` names, without claims. */
export function endToEnd(list: HeaderList): HeaderList {
  const named = new Set(valuesOf(list, 'connection').flatMap(value => value.split(',').map(token => token.trim())));
  return list.filter(([name]) => {
    const key = name.toLowerCase();
    return !named.has(key) && !isUnseen(key);
  });
}

/** As a policy reads them: lower-case name → value, repeated ones joined by `, ` (RFC 9110, 5.3), cookies by `; `. */
export function describe(list: HeaderList): Headers {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of list) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}

/** As node:http2 takes them: lower-case name → value or values. */
export function forHTTP2(list: HeaderList): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of list) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value];
  }
  return headers;
}

/**
 * As node:http takes them: flat, so that order, spelling and repetition stay. It throws where trailers are announced
 * and the message has no chunks for them to come after.
 */
export function forHTTP1(list: HeaderList, inChunks: boolean): string[] {
  return (inChunks || !has(list, 'trailer') ? list : without(list, 'trailer')).flat();
}

/** What an interim response may carry (RFC 9110, 15.2): nothing that speaks of a body. */
export function interimHeaders(list: HeaderList): HeaderList {
  return without(list, 'content-length', 'trailer');
}

/** What must not come as a trailer (RFC 9110, 6.5.1): who merges trailers into headers would believe it. */
const notInTrailers = new Set([
  ...['content-length', 'host', 'trailer', 'content-encoding', 'content-type', 'content-range', 'cache-control'],
  ...['expect', 'max-forwards', 'range', 'authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'age'],
]);

/** Trailers that are passed on. */
export function endToEndTrailers(list: HeaderList): HeaderList {
  return endToEnd(list).filter(([name]) => !name.startsWith(':') && !notInTrailers.has(name.toLowerCase()));
}

/** Ends a stream of HTTP/2 with trailers, unless it has ended meanwhile. */
export function sendTrailers(stream: Http2Stream, list: HeaderList): void {
  if (stream.destroyed || stream.closed) return;
  try {
    stream.sendTrailers(forHTTP2(list));
  } catch (error) {
    stream.destroy(error as Error);
  }
}

/** As node:http takes trailers. */
export function forTrailers(list: HeaderList): [string, string][] {
  return list.map(([name, value]) => [name, value]);
}

/** Without the headers of these lower-case names. */
export function without(list: HeaderList, ...names: readonly string[]): HeaderList {
  return list.filter(([name]) => !names.includes(name.toLowerCase()));
}
