/** @import { Protocol } from '../../engine/config.ts' */

/**
 * Whether requests are looked at on a port of this protocol; on any other one connections are.
 * @param {Protocol} protocol
 * @returns {boolean}
 */
export function speaksHTTP(protocol) {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc';
}
