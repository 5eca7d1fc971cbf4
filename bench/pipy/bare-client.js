// The client half of a bare pair: what two Pipys cost without a mesh. Same TLS, buffers and pools as src/dataplane/pipy;
// no policy, no identity but the chain's. BARE_PLACES says for each protocol where it listens and where it goes; without
// BARE_CERT it goes there in clear text.
import { tlsOptions } from './identity.js';
import { carry, carryBytes } from './turns.js';

var env = os.env;
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 30 };

var tls = tlsOptions();
var dial = tls ? ($, target) => $.connectTLS(tls).to($ => $.connect(target)) : ($, target) => $.connect(target);

var layouts = {
  http1: targets => carry(targets, pool, dial),
  http2: targets => carry(targets, { version: 2, maxIdle: 30 }, dial),
  grpc: targets => carry(targets, { version: 2, maxIdle: 30 }, dial),
  tcp: targets => carryBytes(targets, dial),
  mqtt: targets => carryBytes(targets, dial),
};

Object.entries(JSON.parse(env.BARE_PLACES)).forEach(entry => {
  pipy.listen(entry[1].listen, layouts[entry[0]](entry[1].targets));
});
