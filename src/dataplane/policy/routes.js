/**
 * @import { PortPart, Split } from './compiled.ts'
 * @import { RequestDescription } from './types.ts'
 */
import { firstMatch, tooLong } from './match.js';
import { refuse } from './refusal.js';
import { noSplit } from './split.js';

/**
 * The backends that a request of a port is shared out to; a split without any refuses.
 * @param {PortPart} port
 * @param {RequestDescription} request
 * @returns {Split}
 */
export function requestSplit(port, request) {
  if (port.every !== null) return port.every;
  var excess = port.routes.hasRegex ? tooLong(port.routes, request) : null;
  if (excess !== null) return noSplit(excess);
  var split = firstMatch(port.routes, request);
  return split === null ? noSplit(refuse('no-route', `No route of ${port.service} takes this request.`)) : split;
}

/**
 * The same for a connection: only routes without conditions can take one.
 * @param {PortPart} port
 * @returns {Split}
 */
export function connectionSplit(port) {
  if (port.plain !== null) return port.plain;
  return noSplit(refuse('no-route', `No route of ${port.service} takes connections.`));
}
