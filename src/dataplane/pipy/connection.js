/** Connections of clients: how many there are, and how one of HTTP is ended, which Pipy lets no request do. */

/** Connections that clients have open. */
var open = 0;

/** For `onStart` of a connection of any kind. */
export function countOpen() {
  open++;
}

/** For `onEnd` of a connection of any kind. */
export function countClosed() {
  open--;
}

/** Whether no client is connected. */
export function isQuiet() {
  return open === 0;
}

/** Shared by all requests of the connection: `last` is what goes out instead of the next bytes. */
var $connection = null;

/** For `onStart` of an HTTP connection. */
export function beginConnection() {
  $connection = { last: null, becomesTunnel: false };
}

/** For `replaceData` of what goes out to the client. */
export function untilEnded(data) {
  var last = $connection.last;
  if (last === null) return data;
  $connection.last = [];
  return last;
}

/**
 * Breaks a response off, so that the client cannot take a part for the whole: Pipy would end it in order. Returns what
 * a response must emit for that to happen.
 */
export function breakOff() {
  $connection.last = [new StreamEnd('ConnectionReset')];
  return new Data('.');
}

/** Whether the connection is about to end, so that requests which came with the last one are not looked at. */
export function isEnding() {
  return $connection.last !== null;
}

/** The answer that comes next makes the connection a tunnel. */
export function becomeTunnel() {
  var connection = $connection;
  connection.becomesTunnel = true;
  new Timeout(0).wait().then(() => {
    connection.becomesTunnel = false;
  });
}

/** For `replaceStreamEnd` of what goes out: Pipy ends a tunnel with its 200 when the CONNECT said `connection: close`. */
export function unlessTunnel(end) {
  return $connection.becomesTunnel ? undefined : end;
}

/** Lets the answer that comes next be a plain one with this status, and the last of the connection. */
export function answerAndEnd(status, text) {
  var head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n`;
  $connection.last = [new Data(`${head}content-length: ${text.length}\r\n\r\n${text}`), new StreamEnd()];
}
