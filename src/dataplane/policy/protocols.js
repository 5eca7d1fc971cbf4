/** @import { Protocol } from '../../engine/config.ts' */

/**
 * Whether requests are looked at on a port of this protocol; on any other one connections are.
 * @param {Protocol} protocol
 * @returns {boolean}
 */
export function speaksHTTP(protocol) {
  return protocol === 'http' || speaksHTTP2(protocol);
}

/**
 * Whether what listens on a port of this protocol speaks HTTP/2, whatever its client does.
 * @param {Protocol} protocol
 * @returns {boolean}
 */
export function speaksHTTP2(protocol) {
  return protocol === 'http2' || protocol === 'grpc';
}
