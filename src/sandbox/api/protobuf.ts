/**
 * Reads the protobuf bodies that generated Go clients prefer for built-in kinds (`application/vnd.kubernetes.protobuf`:
 * four bytes `k8s\0`, then runtime.Unknown). Answers are always JSON, which those clients accept as well.
 */
import type { JsonObject } from './objects.ts';
import { messages } from './protobuf-messages.ts';
import { badRequest, notInSandbox } from './status.ts';

interface Field {
  readonly name: string;
  /** A scalar, a message, or `-` for what is left out. */
  readonly type: string;
  readonly many: '' | '[]' | '{}';
  readonly keepsZero: boolean;
}

/** A value as it is on the wire: varint and fixed as numbers, the rest as bytes. */
type Wire = number | Buffer;

const magic = Buffer.from('k8s\0', 'latin1');
const truncated = () => badRequest('the protobuf body is cut off');

function parseFields(text: string): ReadonlyMap<number, Field> {
  const fields = text.split(', ').map((line): [number, Field] => {
    const [, number, name = '', type = '', many = '', zero] =
      /^(\d+) (\w+) ([\w-]+)(\[\]|\{\})?(\?)?$/.exec(line) ?? [];
    return [Number(number), { name, type, many: many as Field['many'], keepsZero: zero === '?' }];
  });
  return new Map(fields);
}

const tables: ReadonlyMap<string, ReadonlyMap<number, Field>> = new Map(
  Object.entries(messages).map(([name, text]) => [name, parseFields(text)]),
);

function varint(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0n;
  for (let i = 0; i < 10; i += 1) {
    const byte = bytes[start + i];
    if (byte === undefined) throw truncated();
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return { value: Number(BigInt.asIntN(64, value)), end: start + i + 1 };
  }
  throw badRequest('the protobuf body has a varint of more than ten bytes');
}

/** The fields of a message, in order: number and value. Wire types 3 and 4 (groups) do not occur. */
function* wireFields(bytes: Buffer): Generator<readonly [number, Wire]> {
  let at = 0;
  while (at < bytes.length) {
    const { value: tag, end } = varint(bytes, at);
    const kind = tag & 7;
    const head = kind === 0 || kind === 2 ? varint(bytes, end) : { value: kind === 1 ? 8 : 4, end };
    if (kind === 3 || kind === 4 || kind > 5) throw badRequest(`the protobuf body has wire type ${kind}`);
    const size = kind === 0 ? 0 : head.value;
    if (size < 0 || head.end + size > bytes.length) throw truncated();
    yield [tag >>> 3, kind === 0 ? head.value : bytes.subarray(head.end, head.end + size)];
    at = head.end + size;
  }
}

const isZero = (wire: Wire) => (typeof wire === 'number' ? wire === 0 : wire.every(byte => byte === 0));

/** An embedded message that is only zeros is what Go writes for a struct that nobody set. */
const isEmpty = (value: unknown) =>
  value === '' ||
  value === 0 ||
  value === false ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

function scalar(type: string, wire: Wire): unknown {
  if (type === 'int' && typeof wire === 'number') return wire;
  if (type === 'bool' && typeof wire === 'number') return wire !== 0;
  if (type === 'string' && typeof wire !== 'number') return wire.toString('utf8');
  if (type === 'bytes' && typeof wire !== 'number') return wire.toString('base64');
  if (typeof wire === 'number') throw badRequest(`the protobuf body has a number where a ${type} belongs`);
  const value = message(type, wire);
  if (type === 'Quantity') return value.string ?? '0';
  if (type !== 'IntOrString') return value;
  return value.type === 1 ? (value.strVal ?? '') : (value.intVal ?? 0);
}

function entryOf(type: string, wire: Wire): JsonObject {
  const parts = new Map(typeof wire === 'number' ? [] : wireFields(wire));
  const key = parts.get(1) ?? Buffer.alloc(0);
  return { [String(key)]: scalar(type, parts.get(2) ?? Buffer.alloc(0)) };
}

function message(name: string, bytes: Buffer): JsonObject {
  const result: JsonObject = {};
  for (const [number, wire] of wireFields(bytes)) {
    const field = tables.get(name)?.get(number);
    if (!field) {
      if (isZero(wire)) continue;
      throw notInSandbox(415, `field ${number} of ${name} as protobuf`);
    }
    if (field.type === '-') continue;
    const old = result[field.name];
    if (field.many === '[]') result[field.name] = [...(Array.isArray(old) ? old : []), scalar(field.type, wire)];
    else if (field.many === '{}') result[field.name] = { ...(old as JsonObject), ...entryOf(field.type, wire) };
    else {
      const value = scalar(field.type, wire);
      if (field.keepsZero || !isEmpty(value)) result[field.name] = value;
    }
  }
  return result;
}

/** The object in a protobuf body; kinds and fields that the sandbox does not know are 415. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, magic.length).equals(magic))
    throw badRequest('the body does not begin as Kubernetes protobuf does');
  const envelope = message('Unknown', body.subarray(magic.length));
  const { apiVersion = '', kind = '' } = (envelope.typeMeta ?? {}) as { apiVersion?: string; kind?: string };
  if (!tables.has(kind)) throw notInSandbox(415, `${kind} as protobuf`);
  const raw = Buffer.from(String(envelope.raw ?? ''), 'base64');
  return { apiVersion, kind, metadata: {}, ...message(kind, raw) };
}
