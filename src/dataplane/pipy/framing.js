/**
 * HTTP/1 as bytes: where a head ends, which lines it has, and bodies in chunks (RFC 9112, 2.1, 5 and 7.1). Pipy reads
 * less than a client or an app may write, so what it would misread is written anew before it comes to Pipy.
 */

/** Bytes that are searched for the end of a head at once; longer heads are looked for in steps. */
export var headMax = 65536;

/** Bytes that Pipy reads of one line of a head. */
export var lineMax = 16384;

/**
 * What no method and no name of a header holds (RFC 9110, 5.6.2), the colons between several names apart. A regex that looks
 * for one character never goes deep, however long the text.
 */
var otherThanToken = "[^-!#$%&'*+.^_`|~0-9A-Za-z:]";
var noToken = new RegExp(otherThanToken);

/** Whether a text is a token. */
export function isToken(text) {
  return text !== '' && !text.includes(':') && !noToken.test(text);
}

/** Whether names of headers are names, which stand one behind the other with colons between them. */
export function areNames(text) {
  return !noToken.test(text);
}

/** Bytes of a line of chunk framing, with its extensions; and of all trailers. */
var chunkLineMax = 4096;
var trailersMax = 65536;

/** What `left` of a chunked body says when it counts no bytes. */
var [atSize, atChunkEnd, inTrailers] = [0, -1, -2];

/** Bytes of a head with its empty line; -1 while that has not come. Text of another length than its bytes is no ASCII. */
export function headSize(bytes) {
  var text = bytes.toString();
  if (text === undefined || text.length !== bytes.size) return headSizeInHex(bytes.toString('hex'));
  var end = text.indexOf('\r\n\r\n');
  return end < 0 ? -1 : end + 4;
}

/** A match that begins in the middle of a byte is none. */
function headSizeInHex(hex) {
  var end = hex.indexOf('0d0a0d0a');
  for (var at = end; at % 2 === 1; at = end) end = hex.indexOf('0d0a0d0a', at + 1);
  return end < 0 ? -1 : end / 2 + 4;
}

/** The lines of a whole head, without their ends. A line that is no UTF-8 is Data, and goes on as it came. */
export function linesOf(head) {
  var text = head.toString();
  if (text !== undefined) return text.substring(0, text.length - 4).split('\r\n');
  var lines = [];
  for (var line = takeHeadLine(head); line.size > 2; line = takeHeadLine(head)) lines.push(withoutEnd(line));
  return lines;
}

function takeHeadLine(head) {
  var before = 0;
  return head.shiftTo(byte => {
    var isEnd = byte === 10 && before === 13;
    before = byte;
    return isEnd;
  });
}

function withoutEnd(line) {
  line.pop(2);
  var text = line.toString();
  return text === undefined ? line : text;
}

function isNewline(byte) {
  return byte === 10;
}

/** A line that is folded, or has a CR or LF in it: parsers take these for different things (RFC 9112, 2.2 and 5.2). */
export function isBrokenLine(line) {
  if (typeof line === 'string')
    return line.startsWith(' ') || line.startsWith('\t') || line.includes('\r') || line.includes('\n');
  var bytes = line.toArray();
  return bytes[0] === 32 || bytes[0] === 9 || bytes.some(byte => byte === 10 || byte === 13);
}

/** Whether a line ends with a line feed alone: nothing with one becomes a head here (RFC 9112, 2.2). */
export function hasBareNewline(bytes) {
  var text = bytes.toString();
  if (text === undefined) return hasBareNewlineInHex(bytes.toString('hex'));
  var lines = text.split('\n');
  return lines.some((line, at) => at < lines.length - 1 && !line.endsWith('\r'));
}

function hasBareNewlineInHex(hex) {
  var isBare = false;
  for (var at = hex.indexOf('0a'); at >= 0 && !isBare; at = hex.indexOf('0a', at + 1))
    isBare = at % 2 === 0 && hex.substring(at - 2, at) !== '0d';
  return isBare;
}

/** Puts what was taken from the front of `bytes` there again. */
export function putBack(bytes, front) {
  front.push(bytes);
  bytes.shift(bytes.size);
  bytes.push(front);
}

/** The name of a header's line in lower case, with its colon; empty when there is none. */
export function fieldName(line) {
  var text = typeof line === 'string' ? line : `${new Data(line).shiftTo(isColon).toString()}`;
  var colon = text.indexOf(':');
  return colon < 1 ? '' : text.substring(0, colon + 1).toLowerCase();
}

function isColon(byte) {
  return byte === 58;
}

/** The value of a header's line, without the blanks around it; empty when it is no UTF-8. */
export function fieldValue(line) {
  return typeof line === 'string' ? withoutBlanks(line.substring(line.indexOf(':') + 1)) : '';
}

/** A text without the blanks around it (RFC 9110, 5.6.3): `trim` takes away what others leave. */
export function withoutBlanks(text) {
  var start = beginOf(text);
  var end = endOf(text, start);
  return start === 0 && end === text.length ? text : text.substring(start, end);
}

function beginOf(text) {
  for (var i = 0; i < text.length; i++) if (!isBlank(text.charAt(i))) return i;
  return text.length;
}

function endOf(text, start) {
  for (var i = text.length; i > start; i--) if (!isBlank(text.charAt(i - 1))) return i;
  return start;
}

function isBlank(letter) {
  return letter === ' ' || letter === '\t';
}

var blanksAround = '\\t| $';
var blanks = new RegExp(blanksAround);

/**
 * The line of a header without blanks around its value (RFC 9112, 5.1). A text may end in the middle of a character, and only
 * a regex looks at bytes.
 */
export function trimmed(line) {
  if (typeof line !== 'string' || !blanks.test(line)) return line;
  return `${line.substring(0, line.indexOf(':'))}: ${fieldValue(line)}`;
}

/** Lines and an empty one, as bytes. */
export function headOf(lines) {
  var head = new Data();
  lines.forEach(line => {
    head.push(line).push('\r\n');
  });
  return head.push('\r\n');
}

/** The tokens of a list, in lower case (RFC 9110, 5.6.1). */
export function tokensOf(value) {
  return value.toLowerCase().split(',').map(withoutBlanks);
}

/** A number of bytes that Pipy counts correctly, or -1. As nearly every length is written, no character is looked at. */
export function lengthOf(text) {
  var number = +text;
  if (`${number}` === text && (number | 0) === number && number >= 0) return number;
  if (text.length > 10 || text === '') return -1;
  for (var i = 0; i < text.length; i++) {
    var code = text.charCodeAt(i);
    if (code < 48 || code > 57) return -1;
  }
  var length = Number.parseInt(text, 10);
  return length < 2147483648 ? length : -1;
}

/** A number of bytes that is beyond what Pipy counts, or -1. */
export function longLengthOf(text) {
  if (text.length < 10 || text.length > 15 || lengthOf(text.substring(0, 8)) < 0 || lengthOf(text.substring(8)) < 0)
    return -1;
  var length = Number.parseInt(text, 10);
  return length < 2147483648 ? -1 : length;
}

/** A chunked body, from its first byte. `left`: bytes of the chunk at hand, or what comes next; `isBare`: it goes on without chunks. */
export function newChunks() {
  return { left: atSize, trailerBytes: 0, isBare: false };
}

/**
 * Moves what there is of a chunked body from `bytes` to `out`: chunk extensions and trailers go, which Pipy takes for
 * sizes and for the next message. Returns `more` when the body goes on, `done`, or `bad` when it cannot be read.
 */
export function passChunks(chunks, bytes, out) {
  var state = 'on';
  for (var goesOn = true; goesOn; goesOn = state === 'on') state = step(chunks, bytes, out);
  return state;
}

function step(chunks, bytes, out) {
  if (bytes.size === 0) return 'more';
  if (chunks.left > 0) return passData(chunks, bytes, out);
  var line = takeLine(bytes);
  if (line === null) return mayBecomeLine(chunks, bytes) ? 'more' : 'bad';
  if (line === 'too long') return 'bad';
  if (chunks.left === atSize) return beginChunk(chunks, line, out);
  if (chunks.left === atChunkEnd) return endChunk(chunks, line, out);
  return passTrailer(chunks, line, out);
}

/** The line of a chunk's size up to its end, with extensions (RFC 9112, 7.1), and what may become one. */
var sizeLineOf = '^0{0,16}[0-9a-fA-F]{1,7}[ \\t]*(;[^\\r\\n]*)?\\r?$';
var sizeLine = new RegExp(sizeLineOf);
var trailerOf = '^[^ \\t\\r\\n][^\\r\\n]*\\r?$';
var trailer = new RegExp(trailerOf);

/** Whether what has begun can become the line that comes next: who sends something else may send no more. */
function mayBecomeLine({ left }, bytes) {
  var text = textOf(new Data(bytes));
  if (left === atChunkEnd) return text === '\r';
  return left === atSize ? sizeLine.test(text) : text === '\r' || trailer.test(text);
}

function passData(chunks, bytes, out) {
  var piece = bytes.shift(chunks.left);
  chunks.left -= piece.size;
  out.push(piece);
  if (chunks.left === 0) chunks.left = atChunkEnd;
  return 'on';
}

/** A line with its end, as text; null while it has not all come, and then nothing is taken. */
function takeLine(bytes) {
  var near = bytes.shift(chunkLineMax);
  var line = near.shiftTo(isNewline);
  var text = textOf(line);
  if (text.endsWith('\n')) {
    putBack(bytes, near);
    return text;
  }
  if (line.size >= chunkLineMax) return 'too long';
  bytes.push(line);
  return null;
}

/** A trailer that is no UTF-8 need not be read, only its end. */
function textOf(line) {
  var text = line.toString();
  if (text !== undefined) return text;
  var hex = line.toString('hex');
  return hex.endsWith('0d0a') ? '?\r\n' : hex.endsWith('0a') ? '?\n' : '?';
}

function beginChunk(chunks, line, out) {
  if (!line.endsWith('\r\n') || !sizeLine.test(line.substring(0, line.length - 1))) return 'bad';
  var size = Number.parseInt(withoutBlanks(line.substring(0, line.length - 2).split(';')[0]), 16);
  chunks.left = size === 0 ? inTrailers : size;
  if (size > 0 && !chunks.isBare) out.push(`${size.toString(16)}\r\n`);
  return 'on';
}

function endChunk(chunks, line, out) {
  if (line !== '\r\n') return 'bad';
  chunks.left = atSize;
  if (!chunks.isBare) out.push(line);
  return 'on';
}

function passTrailer(chunks, line, out) {
  chunks.trailerBytes += line.length;
  if (chunks.trailerBytes > trailersMax || !endsOnce(line)) return 'bad';
  if (line !== '\r\n') return 'on';
  if (!chunks.isBare) out.push('0\r\n\r\n');
  return 'done';
}

/** Whether a line ends with CR and LF, and has no other CR. */
function endsOnce(line) {
  return line.endsWith('\r\n') && line.indexOf('\r') === line.length - 2;
}

/**
 * A request's head as bytes: it goes out before its body, with the length or the coding that it came with. It asks for no
 * close: an app that then answers early resets the connection (RFC 9112, 9.6), and Pipy would lose the answer.
 */
export function requestHead(head) {
  var headers = head.headers;
  var names = head.headerNames || {};
  delete headers.connection;
  var lines = Object.keys(headers).map(key => fieldLines(names[key] || key, headers[key]));
  return `${head.method} ${head.path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function fieldLines(name, value) {
  return typeof value === 'string' ? `${name}: ${value}\r\n` : value.map(each => `${name}: ${each}\r\n`).join('');
}

/** A last answer, as bytes, and the end of the connection. */
export function farewellOf(status, text) {
  var head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n`;
  return `${head}content-length: ${text.length}\r\n\r\n${text}`;
}
