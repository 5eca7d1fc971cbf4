/** How connections are made: to sidecars under mutual TLS, to the app and beyond the mesh in plain TCP. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, type PeerCertificate, connect as secureConnect } from 'node:tls';
import type { Endpoint } from '../../engine/config.ts';
import { principalOf } from '../policy/policy.js';
import type { Credentials } from './credentials.ts';
import { hostPort } from './environment.ts';
import { IdleError } from './exchange.ts';
import { IdentityError } from './forward.ts';
import type { Upstream } from './upstreams.ts';

/** Time for a connection, with its handshake. */
const connectTimeoutMs = 5000;

/** DNS names of a certificate. Node quotes a value with a comma in it, so a name cannot smuggle another one in. */
export function dnsNamesOf(certificate: PeerCertificate): string[] {
  const names = (certificate.subjectaltname ?? '').split(', ');
  return names.filter(name => name.startsWith('DNS:')).map(name => name.slice('DNS:'.length));
}

/** The sidecar of an endpoint, which must prove to be the endpoint's principal. */
export function meshUpstream(
  credentials: Credentials,
  endpoint: Endpoint,
  target: string,
  trustDomain: string,
): Upstream {
  const check = (_host: string, certificate: PeerCertificate) => {
    const principal = principalOf(dnsNamesOf(certificate), trustDomain);
    if (principal === endpoint.principal) return undefined;
    return new IdentityError(`${target} is ${principal || 'nobody of this mesh'}, not ${endpoint.principal}`);
  };
  return {
    key: `${target} ${endpoint.principal}`,
    isSidecar: true,
    dial: allowHalfOpen => {
      const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
        host: endpoint.address,
        port: endpoint.port,
        secureContext: credentials.tls().context,
        checkServerIdentity: check,
        allowHalfOpen,
      };
      return withTimeout(secureConnect(options), 'secureConnect');
    },
  };
}

/** Plain TCP to an address that is not of the mesh, or to the app. */
export function plainUpstream(target: string): Upstream {
  const { host, port } = hostPort(target) ?? { host: target, port: 0 };
  return {
    key: target,
    isSidecar: false,
    dial: allowHalfOpen => withTimeout(connect({ host, port, allowHalfOpen }), 'connect'),
  };
}

function withTimeout<S extends Socket>(socket: S, ready: 'connect' | 'secureConnect'): S {
  socket.setNoDelay(true);
  const error = () => socket.destroy(new IdleError(`no connection within ${connectTimeoutMs} ms`));
  const timer = setTimeout(error, connectTimeoutMs);
  socket.once(ready, () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  return socket;
}

/** Waits until a connection that `dial` began is there. */
export function connected(upstream: Upstream): Promise<Socket> {
  const socket = upstream.dial(true) as Socket;
  return new Promise((resolve, reject) => {
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
