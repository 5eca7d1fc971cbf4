/** Header compression of HTTP/2 (RFC 7541): as much as it takes to write by hand, and to read what a sidecar sends. */

/** Names of the static table (appendix A) that have values, or that a sidecar uses; the rest by name only. */
const staticTable: readonly (readonly [string, string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map(status => [':status', status] as const),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...(
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control ' +
    'content-disposition content-encoding content-language content-length content-location content-range content-type ' +
    'cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since ' +
    'last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after ' +
    'server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate'
  )
    .split(' ')
    .map(name => [name, ''] as const),
];

/** Lengths of the Huffman codes of the first 128 characters (appendix B); codes of one length count up. */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
];

/** Codes longer than this are of no character that our messages have. */
const codeLengthMax = 19;

const codes = huffmanCodes();

/** Code, as a text of 0 and 1 → character. */
function huffmanCodes(): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  let code = 0;
  for (let length = 5; length <= codeLengthMax; length++) {
    codeLengths.forEach((own, character) => {
      if (own === length) table.set((code++).toString(2).padStart(length, '0'), String.fromCharCode(character));
    });
    code *= 2;
  }
  return table;
}

/** Text of a Huffman code; what is not known ends it with `?`. */
function unhuffman(bytes: Buffer): string {
  const bits = Array.from(bytes, byte => byte.toString(2).padStart(8, '0')).join('');
  let [text, code] = ['', ''];
  for (const bit of bits) {
    code += bit;
    const character = codes.get(code);
    if (character !== undefined) [text, code] = [text + character, ''];
    else if (code.length > codeLengthMax) return `${text}?`;
  }
  return text;
}

/** Reads header blocks of one connection, one after the other. */
export class HeaderReader {
  #dynamic: (readonly [string, string])[] = [];
  #size = 0;
  #sizeMax = 4096;
  #bytes = Buffer.alloc(0);
  #at = 0;

  /** @throws RangeError when the block is not one */
  read(block: string): (readonly [string, string])[] {
    this.#bytes = Buffer.from(block, 'latin1');
    this.#at = 0;
    const fields: (readonly [string, string])[] = [];
    while (this.#at < this.#bytes.length) {
      const field = this.#field();
      if (field !== undefined) fields.push(field);
    }
    return fields;
  }

  #field(): readonly [string, string] | undefined {
    const first = this.#bytes.readUInt8(this.#at);
    if (first >= 0x80) return this.#entry(this.#integer(7));
    if (first >= 0x40) return this.#add(this.#literal(6));
    if (first < 0x20) return this.#literal(4);
    this.#sizeMax = this.#integer(5);
    this.#evict();
    return undefined;
  }

  #literal(prefix: number): readonly [string, string] {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #add(field: readonly [string, string]): readonly [string, string] {
    this.#dynamic.unshift(field);
    this.#size += sizeOf(field);
    this.#evict();
    return field;
  }

  #evict(): void {
    while (this.#size > this.#sizeMax) this.#size -= sizeOf(this.#dynamic.pop() ?? ['', '']);
  }

  #entry(index: number): readonly [string, string] {
    const entry = index <= staticTable.length ? staticTable[index - 1] : this.#dynamic[index - staticTable.length - 1];
    if (entry === undefined) throw new RangeError(`no header ${index}`);
    return entry;
  }

  #integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#bytes.readUInt8(this.#at++) & most;
    if (value < most) return value;
    for (let power = 1; ; power *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * power;
      if (byte < 0x80) return value;
    }
  }

  #text(): string {
    const isHuffman = this.#bytes.readUInt8(this.#at) >= 0x80;
    const length = this.#integer(7);
    if (this.#at + length > this.#bytes.length) throw new RangeError('a text is longer than its block');
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return isHuffman ? unhuffman(bytes) : bytes.toString('latin1');
  }
}

function sizeOf([name, value]: readonly [string, string]): number {
  return name.length + value.length + 32;
}

/** A header block of literals that are not indexed (6.2.2), without Huffman codes. */
export function headerBlock(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `\0${text(name)}${text(value)}`).join('');
}

function text(value: string): string {
  return integer(value.length, 0x7f) + value;
}

function integer(value: number, most: number): string {
  if (value < most) return String.fromCharCode(value);
  let [rest, bytes] = [value - most, String.fromCharCode(most)];
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes += String.fromCharCode((rest % 128) + 128);
  return bytes + String.fromCharCode(rest);
}
