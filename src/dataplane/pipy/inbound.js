/** The way to the app: peers prove who they are, the policy says what they may. */
import * as policy from '../policy/policy.js';
import { running } from './configuration.js';
import { beginConnection, isEnding, untilEnded } from './connection.js';
import { credentials } from './credentials.js';
import { environment } from './environment.js';
import { describe, malformed, removeClaims, serverOptions } from './lib.js';
import { ignored, refuse, refuseConnection, refuseMalformed } from './refuse.js';
import { connectOptions, current, newUpstream, send, tunnel, waysTo } from './upstream.js';

/** Principal of the peer, from its verified certificate; empty when it has none. */
var $peer = '';
/** What the first bytes look like. */
var $protocol;

var toApp = waysTo(
  pipeline($ => $.connect(() => current().target, connectOptions)),
  true,
);

/** What serves one inbound port: a layout for connections. */
export function inboundPort(port, protocol, roots) {
  var app = newUpstream(`${environment.appAddress}:${port}`, '');
  var speaksHTTP2 = protocol === 'http2' || protocol === 'grpc';
  var isHTTP = speaksHTTP2 || protocol === 'http';

  function admit(start) {
    var head = start.head;
    if (isEnding()) return ignored;
    var fault = malformed(head.headers);
    if (fault !== null) return refuseMalformed(fault, head, fieldsOf(head));
    var decision = policy.admitRequest(running.tables, port, $peer, describe(head));
    if (decision.action === 'refuse') return refuse(decision, fieldsOf(head));
    removeClaims(head.headers);
    return send(app, toApp, head, speaksHTTP2 || head.protocol === 'HTTP/2');
  }

  function fieldsOf(head) {
    return { direction: 'inbound', principal: $peer, port: port, method: head.method, path: describe(head).path };
  }

  function admitTCP() {
    var decision = policy.admitConnection(running.tables, port, $peer);
    if (decision.action === 'forward') return tunnel(app, toApp);
    return refuseConnection(decision, { direction: 'inbound', principal: $peer, port: port });
  }

  var http = pipeline($ =>
    $.onStart(beginConnection)
      .demuxHTTP(serverOptions)
      .to($ => $.pipe(admit))
      .replaceData(untilEnded),
  );
  var tcp = pipeline($ => $.pipe(admitTCP));
  var detect = pipeline($ =>
    $.detectProtocol(found => {
      $protocol = found;
    }).pipe(() => ($protocol === undefined ? undefined : $protocol === '' ? tcp : http)),
  );

  return pipeline($ =>
    $.acceptTLS({
      certificate: () => credentials.pair,
      trusted: roots,
      onVerify: identify,
      minVersion: 'TLS1.3',
    }).to(isHTTP ? detect : tcp),
  );
}

/** Called for each certificate of the chain, the peer's own last. */
function identify(ok, certificate) {
  $peer = ok ? policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain) : '';
  return ok;
}
