import { environment } from './environment.js';

/** Ports that are listened on, and port → what was asked for, so that nothing is opened twice. */
var ports = [];
var opened = new Map();

/**
 * Listens on a port of the pod's address; `layout($)` says what serves a connection. A new layout is for new connections, open ones stay; when `key` is the one
 * of the last call nothing is done. Throws when the port cannot be opened.
 */
export function listenOn(port, key, idleSeconds, layout) {
  if (opened.get(port) === key) return;
  pipy.listen(addressOf(port), { idleTimeout: idleSeconds }, layout);
  if (!ports.includes(port)) ports.push(port);
  opened.set(port, key);
}

/** Stops listening on every port that is not wanted; open connections stay. */
export function closePorts(isWanted) {
  ports
    .filter(port => !isWanted(port))
    .forEach(port => {
      pipy.listen(addressOf(port), null);
      opened.delete(port);
    });
  ports = ports.filter(isWanted);
}

function addressOf(port) {
  return `${environment.podAddress}:${port}`;
}
