/** The way to the app: peers prove who they are, the policy says what they may. */
import * as policy from '../policy/policy.js';
import { call, callsOver } from './calls.js';
import { running } from './configuration.js';
import { abandon, countClosed, countOpen, newClient, rewritten, serve, smallMax } from './connection.js';
import { credentials } from './credentials.js';
import { looksLikeHTTP, newBeginning } from './detect.js';
import { environment } from './environment.js';
import {
  describe,
  faultOf,
  flawOf,
  isPlain,
  isTooLong,
  removeClaims,
  spacedName,
  tooLong,
  toPlainForm
} from './lib.js';
import { ignored, noPath, refuse, refuseConnection, refuseMalformed } from './refuse.js';
import { aHead, everything, noTunnel, read, readHead, rememberedMax } from './requests.js';
import { connectOptions, current, newUpstream, send, tunnel, waysTo } from './upstream.js';

/** Principal of the peer, from its verified certificate; empty when it has none. */
var $peer = '';
/** The first bytes of a connection whose protocol they tell. */
var $beginning = null;
/** The peer's connection, as far as it speaks HTTP. */
var $client = null;

var toApp = waysTo($ => $.connect(() => current().target, connectOptions), true, false);

var callsToApp = callsOver(toApp.session);

/** Pipy makes a tunnel of any CONNECT that an app answers with 2xx, and no rule speaks of what goes through it. */
var tunnels = { status: 501, reason: 'connect', detail: 'A sidecar makes no tunnels for others.' };

function begin() {
  $client = newClient();
}

function incoming(data) {
  var client = $client;
  if (client.reading === everything) {
    client.sinceHead += data.size;
    return data;
  }
  if (client.reading !== aHead || client.partial !== null || data.size > rememberedMax) return read(client, data);
  var text = data.toString();
  if (text !== client.text) return readHead(client, data, text);
  client.isKnown = true;
  return data;
}

function outgoing(data) {
  var client = $client;
  return data.size > smallMax || client.isOld ? rewritten(client, data) : data;
}

/** What serves one inbound port: the filters of its connections. */
export function inboundPort(port, protocol, roots) {
  var app = newUpstream(`${environment.appAddress}:${port}`, '');
  var speaksHTTP2 = protocol === 'http2' || protocol === 'grpc';
  var isHTTP = speaksHTTP2 || protocol === 'http';

  function admit(start) {
    var client = $client;
    if (client.ending) return ignored;
    if (!client.isKnown || client.tables !== running.tables) return admitNew(client, start.head);
    return send(client, app, toApp, start.head, true);
  }

  /** A head that is not, byte for byte, the one before it, which was admitted: equal heads have equal verdicts. */
  function admitNew(client, head) {
    client.isUnread = false;
    if (head.method === 'CONNECT') return refuseRequest(client, tunnels, head);
    if (!head.path) return refuseRequest(client, noPath, head);
    if (!head.protocol && isTooLong(client, head.headers)) return refuseRequest(client, tooLong, head);
    if (head.path.charAt(0) !== '/') {
      client.text = null;
      toPlainForm(head);
    }
    if (head.protocol === 'HTTP/1.0') head.protocol = 'HTTP/1.1';
    var unsound = policy.targetFault(head.method, head.path);
    if (unsound !== null) return refuseRequest(client, unsound, head);
    var flaw = flawOf(head);
    var plain = isPlain(head.headers);
    var fault = flaw === 'spaced' ? spacedName : plain ? null : faultOf(head.headers);
    if (fault !== null) return refuseMalformed(client, fault, head, fieldsOf(head));
    if (!plain || flaw !== 'none' || speaksHTTP2) client.text = null;
    if (client.tables !== running.tables) {
      client.tables = running.tables;
      client.known = policy.verdictOf(client.tables, port, $peer);
    }
    var decision = client.known.fixed || policy.admitVerdict(client.known, describe(head));
    if (decision.action === 'refuse') return refuseRequest(client, decision, head);
    if (flaw === 'claims') removeClaims(head.headers);
    if (speaksHTTP2 || !head.protocol) return call(app, callsToApp, head);
    return send(client, app, toApp, head, plain);
  }

  function refuseRequest(client, refusal, head) {
    client.text = null;
    noTunnel(client);
    return refuse(refusal, fieldsOf(head));
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
      outgoing,
      admit
    )
  );
  var tcp = pipeline($ => $.pipe(admitTCP));
  var detect = pipeline($ =>
    $.onStart(() => {
      $beginning = newBeginning();
    }).pipe(event => layoutOf(looksLikeHTTP($beginning, event)))
  );

  function layoutOf(isHTTP) {
    return isHTTP === undefined ? undefined : isHTTP ? http : tcp;
  }

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
