// The server half of a bare pair: see bare-client.js.
import { tlsOptions } from './identity.js';
import { carry, carryBytes } from './turns.js';

var env = os.env;
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 };
var dial = ($, target) => $.connect(target);

var layouts = {
  http1: targets => carry(targets, pool, dial),
  http2: targets => carry(targets, { version: 2, maxIdle: 30 }, dial),
  grpc: targets => carry(targets, { version: 2, maxIdle: 30 }, dial),
  tcp: targets => carryBytes(targets, dial),
  mqtt: targets => carryBytes(targets, dial),
};

var tls = tlsOptions();
var accept = layout => (tls ? $ => $.acceptTLS(tls).to(layout) : layout);

Object.entries(JSON.parse(env.BARE_PLACES)).forEach(entry => {
  pipy.listen(entry[1].listen, accept(layouts[entry[0]](entry[1].targets)));
});
