import { environment } from './environment.js';

var levels = { debug: 0, info: 1, warn: 2, error: 3 };
var threshold = 1;

/** Lines in one second before the rest of that second is only counted: a refused flood must not fill the disk. */
var linesMax = 200;
var second = 0;
var lines = 0;
var dropped = 0;

/** The least level that is written: `debug`, `info`, `warn` or `error`. */
export function setLogLevel(level) {
  threshold = level in levels ? levels[level] : 1;
}

/** Writes one JSON object on a line: `{time, level, message, pod, …fields}`. Never a key, a token or a query. */
export function log(level, message, fields) {
  if (levels[level] < threshold || !mayWrite()) return;
  var line = { time: new Date().toISOString(), level: level, message: message, pod: podName() };
  println(JSON.stringify({ ...line, ...fields }));
}

function mayWrite() {
  var now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    if (dropped > 0)
      println(JSON.stringify({ level: 'warn', message: 'log lines dropped', pod: podName(), dropped: dropped }));
    second = now;
    lines = 0;
    dropped = 0;
  }
  if (lines >= linesMax) {
    dropped++;
    return false;
  }
  lines++;
  return true;
}

function podName() {
  return `${environment.podNamespace}/${environment.podName}`;
}
