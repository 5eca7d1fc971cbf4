import { configFormat } from '../policy/format.js';
import { adopt, running, stage } from './configuration.js';
import { certificatesOf, credentials, renew } from './credentials.js';
import { environment } from './environment.js';
import { hangUp, leaveToEnrol } from './lib.js';
import { log } from './log.js';

/** What the control plane agrees on: push/protocol.ts and identity/protocol.ts. */
var pushProtocol = 'fsm-push/1';
var heartbeatSeconds = 25;
var controlPlaneName = 'control-plane.fsm';

/** Seconds before a stream that ended is opened again: doubled each time up to the last, and jittered. */
var delayMin = 0.25;
var delayMax = 15;
var delay = delayMin;

/** The connection of the stream. */
var $outbound = null;

/** Set by `startPush`: puts new tables in force or throws. */
var accept = null;

/** Opens the push stream and keeps it open for as long as the sidecar runs. */
export function startPush(acceptTables) {
  accept = acceptTables;
  run(streamOf(certificatesOf(os.read(environment.controlRootFile).toString())));
}

function run(stream) {
  stream.spawn().then(() => {
    var wait = delay * (0.5 + Math.random());
    delay = Math.min(delay * 2, delayMax);
    if (credentials.notAfter <= Date.now()) return leave();
    log('info', 'push stream ended', { retrySeconds: Math.round(wait * 100) / 100 });
    new Timeout(wait).wait().then(() => run(stream));
  });
}

/** Without a certificate that is valid there is no way back in: the pod enrols anew. */
function leave() {
  log('error', 'the certificate has expired: this pod has to enrol', { code: 'FSM2003' });
  leaveToEnrol();
}

/**
 * The stream: hello, then one answer for each line. A line break before the end of the stream keeps `split` from
 * swallowing an end that comes before any data; `idleTimeout` ends a stream that misses three heartbeats.
 */
function streamOf(controlRoots) {
  return pipeline($ =>
    $.onStart(() => new Data(textOf(hello())))
      .loop($ =>
        $.connectTLS({
          certificate: () => credentials.pair,
          trusted: controlRoots,
          onVerify: (ok, certificate) => ok && isControlPlane(certificate, controlRoots),
          sni: controlPlaneName,
          alpn: pushProtocol,
          minVersion: 'TLS1.3'
        })
          .to($ => $.connect(environment.controlPlane, connectOptions))
          .replaceStreamEnd(end => [new Data('\n'), end])
          .split('\n')
          .replaceMessage(message => answerTo(message.body))
      )
      .dummy()
  );
}

/** A stream that is silent for three heartbeats is dead. */
var connectOptions = { connectTimeout: 5, idleTimeout: 3 * heartbeatSeconds + 1, onState: opened };

function opened(outbound) {
  $outbound = outbound;
}

/** The chain was checked against the control root; here the name is, or that it is the root itself. */
function isControlPlane(certificate, roots) {
  if (certificate.subjectAltNames.includes(controlPlaneName)) return true;
  var pem = certificate.toPEM().toString();
  if (roots.some(root => root.toPEM().toString() === pem)) return true;
  hangUp({ outbound: $outbound });
  return false;
}

function hello() {
  return {
    t: 'hello',
    formats: [configFormat],
    shell: `pipy/${pipy.version.tag}`,
    thread: pipy.thread.id,
    root: running.root,
    mark: running.mark
  };
}

function textOf(line) {
  return `${JSON.stringify(line)}\n`;
}

/** The answer to a line as bytes, or nothing; a line that cannot be read ends the stream, and a new one begins anew. */
function answerTo(body) {
  if (body.size < 2) return undefined;
  var line = null;
  try {
    line = JSON.decode(body);
  } catch (e) {
    log('error', 'push line cannot be read', { detail: e.message });
    return new StreamEnd();
  }
  var answer = take(line);
  return answer === null ? undefined : new Data(textOf(answer));
}

function take(line) {
  delay = delayMin;
  switch (line.t) {
    case 'node':
      stage(line.h, line.v);
      return null;
    case 'commit':
      return commit(line);
    case 'cert':
      return certify(line.pem);
    default:
      return null;
  }
}

function commit(line) {
  var result = adopt(line.root, line.mark, accept);
  if (result.missing !== undefined) return { t: 'need', h: result.missing, root: line.root };
  if (result.error !== undefined) return refusal(line, result.error);
  log('info', 'configuration in force', { root: line.root, revision: line.rev });
  return { t: 'ack', root: line.root };
}

function refusal(line, fault) {
  log('error', 'configuration refused', { root: line.root, revision: line.rev, detail: fault });
  var problem = {
    code: 'FSM3001',
    path: '',
    what: `the proxy of ${environment.podNamespace}/${environment.podName} refused configuration ${line.root}: ${fault}`,
    why: 'it cannot be put in force as a whole, so the one before stays',
    fix: 'Report this: a configuration that was derived should always be usable.'
  };
  return { t: 'nack', root: line.root, problem: problem };
}

function certify(pem) {
  try {
    renew(pem);
  } catch (e) {
    log('error', 'certificate not taken', { detail: e.message });
    return null;
  }
  log('info', 'certificate renewed', { notAfter: new Date(credentials.notAfter).toISOString() });
  return { t: 'certified', notAfter: new Date(credentials.notAfter).toISOString() };
}
