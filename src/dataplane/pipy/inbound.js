/** The way to the app: peers prove who they are, the policy says what they may. */
import * as policy from '../policy/policy.js';
import { call, callsOver } from './calls.js';
import { running } from './configuration.js';
import { abandon, countClosed, countOpen, newClient, overflow, serve } from './connection.js';
import { credentials } from './credentials.js';
import { environment } from './environment.js';
import { describe, faultOf, flawOf, headMax, isPlain, removeClaims, spacedName, unbounded } from './lib.js';
import { ignored, noPath, refuse, refuseConnection, refuseMalformed } from './refuse.js';
import { connectOptions, current, newUpstream, send, tunnel, waysTo } from './upstream.js';

/** Principal of the peer, from its verified certificate; empty when it has none. */
var $peer = '';
/** What the first bytes look like. */
var $protocol;
/** The peer's connection, as far as it speaks HTTP. */
var $client = null;

var toApp = waysTo($ => $.connect(() => current().target, connectOptions), true, false);

var callsToApp = callsOver(toApp.session);

/** Pipy makes a tunnel of any CONNECT that an app answers with 2xx, and no rule speaks of what goes through it. */
var noTunnel = { status: 501, reason: 'connect', detail: 'A sidecar makes no tunnels for others.' };

function begin() {
  $client = newClient();
}

function incoming(data) {
  var client = $client;
  client.budget -= data.size;
  return client.budget < 0 ? overflow(client) : data;
}

/** What serves one inbound port: the filters of its connections. */
export function inboundPort(port, protocol, roots) {
  var app = newUpstream(`${environment.appAddress}:${port}`, '');
  var speaksHTTP2 = protocol === 'http2' || protocol === 'grpc';
  var isHTTP = speaksHTTP2 || protocol === 'http';

  function admit(start) {
    var client = $client;
    if (client.ending) return ignored;
    var head = start.head;
    var headers = head.headers;
    if (head.method === 'CONNECT') return refuse(noTunnel, fieldsOf(head));
    if (head.protocol) client.budget = headMax;
    else if (!head.path) return refuse(noPath, fieldsOf(head));
    else client.budget = unbounded;
    var flaw = flawOf(head);
    var plain = isPlain(headers);
    var fault = flaw === 'spaced' ? spacedName : plain ? null : faultOf(client, headers);
    if (fault !== null) return refuseMalformed(client, fault, head, fieldsOf(head));
    if (client.tables !== running.tables) {
      client.tables = running.tables;
      client.known = policy.verdictOf(client.tables, port, $peer);
    }
    var decision = client.known.fixed || policy.admitVerdict(client.known, describe(head));
    if (decision.action === 'refuse') return refuse(decision, fieldsOf(head));
    if (flaw === 'claims') removeClaims(headers);
    if (speaksHTTP2 || !head.protocol) return call(app, callsToApp);
    return send(client, app, toApp, head, plain);
  }

  function fieldsOf(head) {
    var path = head.path ? describe(head).path : '';
    return { direction: 'inbound', principal: $peer, port: port, method: head.method, path: path };
  }

  function admitTCP() {
    var decision = policy.admitConnection(running.tables, port, $peer);
    if (decision.action === 'forward') return tunnel(app, toApp);
    return refuseConnection(decision, { direction: 'inbound', principal: $peer, port: port });
  }

  var http = pipeline($ =>
    serve(
      $.onStart(begin).onEnd(() => abandon($client)),
      () => $client,
      incoming,
      admit
    )
  );
  var tcp = pipeline($ => $.pipe(admitTCP));
  var detect = pipeline($ =>
    $.detectProtocol(found => {
      $protocol = found;
    }).pipe(() => ($protocol === undefined ? undefined : $protocol === '' ? tcp : http))
  );

  return $ =>
    $.onStart(countOpen)
      .onEnd(countClosed)
      .acceptTLS({
        certificate: () => credentials.pair,
        trusted: roots,
        onVerify: identify,
        minVersion: 'TLS1.3'
      })
      .to(isHTTP ? detect : tcp);
}

/** Called for each certificate of the chain, the peer's own last. */
function identify(ok, certificate) {
  $peer = ok ? policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain) : '';
  return ok;
}
