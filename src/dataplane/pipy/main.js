/** The Pipy shell of a sidecar: see ARCHITECTURE.md for the room, and ../driver.ts for what starts it. */
import { restore, storeNow } from './configuration.js';
import { isQuiet } from './connection.js';
import { certificatesOf, loadCredentials } from './credentials.js';
import { environment, outboundPort } from './environment.js';
import { inboundPort } from './inbound.js';
import { leaveToEnrol, onInterrupt } from './lib.js';
import { closePorts, listenOn } from './listeners.js';
import { setIdle } from './liveness.js';
import { log } from './log.js';
import { outbound, trustRoots } from './outbound.js';
import { startPush } from './push.js';

/** Seconds that connections have to finish after SIGINT: less than the driver's `stopGraceMs`. */
var drainSeconds = 8;

/** Seconds by which a sidecar keeps a connection longer than its client does, who should be the one to close it. */
var graceSeconds = 15;

/** Seconds that a connection may be silent before there is a configuration that says so. */
var idleDefault = 60;

/** The trusted roots in force, as one text. */
var trusted = '';

/**
 * Puts tables in force: ports first, because only opening one can fail. Ports and ways whose settings stay are left
 * alone, and with them every connection.
 */
function accept(tables) {
  var roots = tables.roots.join('');
  var idle = tables.settings.idleTimeoutMs / 1000;
  var certificates = certificatesOf(roots);
  tables.inboundPorts.forEach(({ port, protocol }) => {
    var key = `${protocol} ${idle} ${roots}`;
    listenOn(port, key, idle + graceSeconds, inboundPort(port, protocol, certificates));
  });
  listenOn(outboundPort, `${idle}`, idle + graceSeconds, outbound);
  closePorts(port => port === outboundPort || tables.inboundPorts.some(served => served.port === port));
  setIdle(idle);
  if (roots !== trusted) trustRoots(certificates);
  trusted = roots;
}

function start() {
  if (!loadCredentials()) {
    log('error', 'the certificate is missing or has expired: this pod has to enrol', { code: 'FSM2003' });
    return leaveToEnrol();
  }
  listenOn(outboundPort, `${idleDefault}`, idleDefault + graceSeconds, outbound);
  restore(accept);
  startPush(accept);
  onInterrupt(drainSeconds, isQuiet, drain);
  log('info', 'the sidecar is ready', { shell: `pipy/${pipy.version.tag}`, address: environment.podAddress });
}

function drain() {
  log('info', 'the sidecar drains', {});
  storeNow();
  closePorts(() => false);
}

start();
