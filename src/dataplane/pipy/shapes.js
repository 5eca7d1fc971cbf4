/**
 * Heads of one connection are alike: what was found out about the fields of one holds for the next with the same fields,
 * byte for byte, whatever its target. Two shapes are kept for each client: of GETs that are heads only, and of all others.
 *
 * A shape is the text from ` HTTP/1.1` to the empty line's end, and the size of the body, -1 for chunks.
 */

var version = ' HTTP/1.1\r\n';

/** Where in a shape its first line ends. */
export var lineEnd = version.length - 1;

/** The shape of a whole head, which ends there. Its first line has no line feed in it, so nothing but a target. */
export function shapeOf(text, end) {
  return text.substring(text.indexOf('\n') - lineEnd, end);
}

/** Whether it may be kept: of other versions the first line may be anything. */
export function isShape(shape) {
  return shape.startsWith(version);
}

/**
 * Whether a head is read as it is meant, and is a head only. Names are looked for as people write them;
 * what is in other letters is seen when Pipy has read it: see `isUnseen`.
 */
export function isPlainHead(text) {
  if (text.includes('ransfer-') || text.includes('ontent-') || text.includes('h2c') || text.includes('pgrade:'))
    return false;
  if (text.includes('\t') || text.includes(' \r\n') || text.includes('NNECTION')) return false;
  var connection = text.indexOf('onnection:');
  return connection < 0 || text.substring(connection + 10, text.indexOf('\r\n', connection)) === ' keep-alive';
}

/** Whether a head asks for a path with a method that Pipy reads, other than CONNECT: `0` comes behind `/`. */
export function isOrdinary(text) {
  return (
    (text >= 'POST /' && text < 'POST 0') ||
    (text >= 'PUT /' && text < 'PUT 0') ||
    (text >= 'GET /' && text < 'GET 0') ||
    (text >= 'DELETE /' && text < 'DELETE 0') ||
    (text >= 'PATCH /' && text < 'PATCH 0') ||
    (text >= 'HEAD /' && text < 'HEAD 0') ||
    (text >= 'OPTIONS /' && text < 'OPTIONS 0')
  );
}

/** For a head whose fields have turned out to be sound. */
export function keepShape(client) {
  if (client.text !== null) client.plainShape = client.shape;
  else {
    client.framedShape = client.shape;
    client.framedSize = client.shapeSize;
  }
}
