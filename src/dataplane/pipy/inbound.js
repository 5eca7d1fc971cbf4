/** The way to the app: peers prove who they are, the policy says what they may. */
import * as policy from '../policy/policy.js';
import { speaksHTTP2 } from '../policy/protocols.js';
import { running } from './configuration.js';
import { countClosed, countOpen, finish, newClient, rewritten, serve } from './connection.js';
import { credentials } from './credentials.js';
import { looksLikeHTTP, newBeginning } from './detect.js';
import { environment } from './environment.js';
import { http2 } from './http2-on-demand.js';
import {
  describe,
  faultOf,
  flawOf,
  isPlain,
  isTooLong,
  oddSpelling,
  removeClaims,
  spacedName,
  tooLong,
  toPlainForm
} from './lib.js';
import { connectOptions } from './liveness.js';
import { newUpstream } from './places.js';
import { ignored, noPath, refuse, refuseConnection, refuseMalformed, refuseRequest } from './refuse.js';
import { aHead, everything, isUnseen, read, readHead, readOn, rememberedMax, unusual } from './requests.js';
import { keepShape } from './shapes.js';
import { send, tunnel, waysTo } from './upstream.js';

/** Principal of the peer, from its verified certificate; empty when it has none. */
var $peer = '';
/** The first bytes of a connection whose protocol they tell. */
var $beginning = null;
/** The peer's connection, as far as it speaks HTTP. */
var $client = null;

var toApp = waysTo(
  ($, at) =>
    $.connect(
      () => at().upstream.target,
      () => connectOptions(at())
    ),
  true,
  false
);

/** Pipy makes a tunnel of any CONNECT that an app answers with 2xx, and no rule speaks of what goes through it. */
var tunnels = { status: 501, reason: 'connect', detail: 'A sidecar makes no tunnels for others.' };

function begin() {
  $client = newClient();
}

/** Stands in outbound.js as well: shared, it is one call more for each read, 1.3 % of the instructions of a request. */
function incoming(data) {
  var client = $client;
  if (client.reading === everything) return readOn(client, data);
  if (client.reading !== aHead || client.partial !== null || data.size > rememberedMax) return read(client, data);
  var text = data.toString();
  if (text !== client.text) return readHead(client, data, text);
  client.isKnown = true;
  return data;
}

function outgoing(data) {
  return unusual.clients > 0 ? rewritten($client, data) : data;
}

/**
 * What serves one inbound port: the filters of its connections. `side` is the port as its parts need it: its number, the
 * app's place, and whether the app speaks HTTP/2.
 */
export function inboundPort(port, protocol, roots) {
  var app = newUpstream(`${environment.appAddress}:${port}`, '');
  var side = { port: port, app: app, speaksHTTP2: speaksHTTP2(protocol) };

  /** Equal heads have equal verdicts: one that is, byte for byte, the one before it was admitted with that. */
  function route(start) {
    var client = $client;
    if (!client.isKnown || client.tables !== running.tables) return admit(side, client, start.head);
    return client.ending ? ignored : send(client, app, toApp, start.head, true);
  }

  var http = pipeline($ =>
    serve(
      $.onStart(begin).onEnd(() => finish($client)),
      () => $client,
      incoming,
      outgoing,
      route
    )
  );
  var tcp = pipeline($ => $.pipe(() => admitTCP(side)));
  var detect = pipeline($ =>
    $.onStart(() => {
      $beginning = newBeginning();
    }).pipe(event => layoutOf(looksLikeHTTP($beginning, event), http, tcp))
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
      .to(policy.speaksHTTP(protocol) ? detect : tcp);
}

function layoutOf(isHTTP, http, tcp) {
  return isHTTP === undefined ? undefined : isHTTP ? http : tcp;
}

function admit(side, client, head) {
  client.isUnread = false;
  if (!head) return refuse(noPath, { direction: 'inbound', principal: $peer, port: side.port });
  if (client.ending) return ignored;
  if (client.isShaped) return admitShaped(side, client, head);
  var unsound = unsoundness(client, head);
  if (unsound !== null) return refuseRequest(client, unsound, fieldsOf(side, head));
  var flaw = flawOf(head);
  var plain = isPlain(head.headers);
  var fault =
    flaw === 'spaced' ? spacedName : plain ? null : isUnseen(client, head.headers) ? oddSpelling : faultOf(head);
  if (fault !== null) return refuseMalformed(client, fault, fieldsOf(side, head));
  if (client.shape !== '' && flaw === 'none' && head.protocol) keepShape(client);
  return judge(side, client, head, plain, flaw);
}

/** A head whose fields are known to be sound. */
function admitShaped(side, client, head) {
  var unsound = policy.targetFault(head.method, head.path);
  if (unsound !== null) return refuseRequest(client, unsound, fieldsOf(side, head));
  return judge(side, client, head, client.text !== null || isPlain(head.headers), 'none');
}

/** Asks the policy about a request that is sound. */
function judge(side, client, head, plain, flaw) {
  if (!plain || flaw !== 'none' || side.speaksHTTP2) client.text = null;
  if (client.tables !== running.tables) {
    client.tables = running.tables;
    client.known = policy.verdictOf(client.tables, side.port, $peer);
  }
  var decision = client.known.fixed || policy.admitVerdict(client.known, describe(head));
  if (decision.action === 'refuse') return refuseRequest(client, decision, fieldsOf(side, head));
  if (flaw === 'claims') removeClaims(head.headers);
  if (side.speaksHTTP2 || !head.protocol) return http2().call(client, side.app, toApp.session, head);
  return send(client, side.app, toApp, head, plain);
}

/** Why nobody may act on a request, whatever it is about, or null. Its target is a path afterwards. */
function unsoundness(client, head) {
  if (head.method === 'CONNECT') return tunnels;
  if (!head.path) return noPath;
  if (!head.protocol && isTooLong(client, head.headers)) return tooLong;
  if (head.path.charAt(0) !== '/') {
    client.text = null;
    toPlainForm(head);
  }
  if (head.protocol === 'HTTP/1.0') head.protocol = 'HTTP/1.1';
  return policy.targetFault(head.method, head.path);
}

function fieldsOf(side, head) {
  var path = head.path ? describe(head).path : '';
  return { direction: 'inbound', principal: $peer, port: side.port, method: head.method, path: path };
}

function admitTCP({ port, app }) {
  var decision = policy.admitConnection(running.tables, port, $peer);
  if (decision.action === 'forward') return tunnel(app, toApp);
  return refuseConnection(decision, { direction: 'inbound', principal: $peer, port: port });
}

/** Called for each certificate of the chain, the peer's own last. */
function identify(ok, certificate) {
  $peer = ok ? policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain) : '';
  return ok;
}
