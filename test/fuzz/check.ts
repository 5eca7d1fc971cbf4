/** What must hold of every case, whatever was sent. */
import { type Answer, bytesOf, type Case, type Exchange, idOf, idsIn, type Link } from './case.ts';
import type { Came, LinkCame } from './client.ts';
import { decisionOn, endToEnd, refusalOf } from './expect.ts';
import { gradeOfAnswer, gradeOfRequest } from './grade.ts';
import { beginsWithGoaway } from './http2.ts';
import { type Message, valuesOf } from './parse.ts';
import type { Ran } from './run.ts';
import type { ShellName } from './world.ts';

/** What was broken. */
export type Kind = 'crash' | 'hang' | 'cross-talk' | 'verdict' | 'answer' | 'request' | 'memory';

/** One breach. */
export interface Violation {
  readonly kind: Kind;
  readonly shell: ShellName;
  /** The exchange, where it is one. */
  readonly id: string;
  /** The breach in words that are the same for the same fault. */
  readonly what: string;
  readonly detail: string;
}

interface Context {
  readonly ran: Ran;
  readonly link: Link;
  readonly came: LinkCame;
  readonly exchange: Exchange;
  readonly own: Came;
  readonly request: Message;
  readonly answer: Message;
  /** The app broke a connection of HTTP/2 on which others may have been. */
  readonly spoilt: boolean;
  /** The app ended a connection of HTTP/1 that it had said it would keep. */
  readonly hasty: boolean;
  /** An app of HTTP/2 says that it leaves, and may give requests back. */
  readonly leaving: boolean;
  say(kind: Kind, what: string, detail?: string): void;
}

/** Every breach of a case that was run. @param links with the probes */
export function check({ links }: Case, ran: Ran): Violation[] {
  const found: Violation[] = [];
  const { shell } = ran.pair;
  for (const words of ran.ended)
    found.push({ kind: 'crash', shell, id: '', what: `a sidecar ended${causeOf(words)}`, detail: words });
  const all = links.flatMap(({ exchanges, speaks }) => exchanges.map((exchange, at) => ({ exchange, speaks, at })));
  const spoilt = all.some(({ exchange, speaks, at }) =>
    spoils(exchange.answer, gradeOfRequest(exchange, speaks, at).method),
  );
  const mixed = mixedUp(all.map(({ exchange }) => exchange));
  const hasty = all.some(({ exchange }) => isHasty(exchange.answer));
  const leaving = all.some(({ exchange: { answer } }) => answer.speaks === 2 && beginsWithGoaway(answer));
  const isProbe = (at: number) => at >= links.length - ran.probes;
  links.forEach((link, at) => {
    const came = ran.links[at];
    if (came !== undefined) found.push(...crossTalk(link, came, shell, mixed));
    if (came !== undefined && ran.ended.length === 0)
      found.push(...checkLink(ran, link, came, { spoilt: spoilt && !isProbe(at), hasty, leaving }));
  });
  for (const seen of ran.seen) {
    const refusal = refusalOf(ran.pair, seen);
    if (refusal === undefined) continue;
    const detail = `${refusal.reason}: ${seen.message.method} ${seen.message.target} ${JSON.stringify(seen.message.fields)}`;
    found.push({
      kind: 'verdict',
      shell,
      id: seen.id,
      what: `the app got what the rules refuse (${refusal.reason})`,
      detail,
    });
  }
  return found;
}

/** The error that ended it, and the file of ours in which it was thrown. */
function causeOf(words: string): string {
  const [code] = /ERR_\w+|(Type|Range|Reference)?Error: [^\n]{0,60}/.exec(words) ?? [];
  const [file] = /dataplane\/\w+\/[\w-]+\.[tj]s/.exec(words) ?? [];
  return [code, file].map(each => (each === undefined ? '' : `, ${each}`)).join('');
}

/** Whether an answer of HTTP/2 costs the app's connection, and not its stream alone. */
function spoils(answer: Answer, method: string): boolean {
  if (answer.speaks === 1) return false;
  const { grade, why } = gradeOfAnswer(answer, method);
  if (answer.after === 'reset' || (answer.after === 'keep' && grade === 'partial')) return true;
  if (answer.after === 'close' && !(grade === 'whole' && beginsWithGoaway(answer))) return true;
  return grade === 'odd' && why !== '';
}

function isHasty({ speaks, parts, after }: Answer): boolean {
  return speaks === 1 && (after !== 'close' || !/^connection: close/im.test(bytesOf(parts))) && after !== 'keep';
}

/**
 * Ids that an app of HTTP/2 may itself send in the answer to another: it has begun a frame there and not finished it, so
 * that what comes next on the connection is a part of that.
 */
function mixedUp(exchanges: readonly Exchange[]): ReadonlySet<string> {
  const shared = exchanges.filter(({ answer }) => answer.speaks === 2);
  const isOpen = shared.some(({ answer }) => gradeOfAnswer(answer, 'GET').why === 'a frame is not complete');
  return new Set(isOpen ? shared.flatMap(({ id, answer }) => [id, ...idsIn(bytesOf(answer.parts))]) : []);
}

/** Ids of others: in anything that came on the connection, and in nothing that the app was told to answer there. */
function crossTalk({ exchanges }: Link, { text }: LinkCame, shell: ShellName, mixed: ReadonlySet<string>): Violation[] {
  const own = new Set([...mixed, ...exchanges.flatMap(({ id, answer }) => [id, ...idsIn(bytesOf(answer.parts))])]);
  const foreign = [...idsIn(text)].filter(id => !own.has(id) && issued.has(id));
  return foreign.map(id => ({
    kind: 'cross-talk' as const,
    shell,
    id: exchanges[0]?.id ?? '',
    what: 'a client got bytes of an answer to another',
    detail: `${id} in ${JSON.stringify(text.slice(0, 600))}`,
  }));
}

/** Ids that were ever used: what looks like an id and is none was made by a mutation. */
const issued = new Set<string>();

/** Notes the ids of a case that is about to run. */
export function issue({ links }: Case): void {
  for (const { exchanges } of links) for (const { id } of exchanges) issued.add(id);
}

function checkLink(
  ran: Ran,
  link: Link,
  came: LinkCame,
  app: Pick<Context, 'spoilt' | 'hasty' | 'leaving'>,
): Violation[] {
  const found: Violation[] = [];
  const requests = link.exchanges.map((exchange, at) => gradeOfRequest(exchange, link.speaks, at));
  const clean = !link.pipelined || requests.every(({ grade }) => grade === 'whole');
  let usable = true;
  link.exchanges.forEach((exchange, at) => {
    const [own, request] = [came.cames[at], requests[at]];
    if (own === undefined || request === undefined || own.state === 'unsent') return;
    const say = (kind: Kind, what: string, detail = '') =>
      found.push({ kind, shell: ran.pair.shell, id: exchange.id, what, detail });
    const answer = gradeOfAnswer(exchange.answer, request.method);
    const context: Context = { ran, link, came, exchange, own, request, answer, ...app, say };
    if (link.leavesAfterMs === undefined) checkExchange(context, clean, usable);
    if (answer.grade !== 'whole' || exchange.answer.after !== 'keep' || saysClose(request) || saysClose(own.message))
      usable = false;
    // What another answer has spoilt may have been broken off.
    if (app.spoilt && exchange.answer.speaks === 2) usable = false;
  });
  if (came.lingers && link.leavesAfterMs === undefined && !found.some(({ kind }) => kind === 'hang'))
    found.push({ kind: 'hang', shell: ran.pair.shell, id: link.exchanges[0]?.id ?? '', what: lingering, detail: '' });
  return found;
}

/** RFC 9112, 9.6: nothing behind it counts. */
function saysClose(message: Message | undefined): boolean {
  const said = valuesOf(message?.fields ?? [], 'connection')
    .join()
    .toLowerCase();
  return said.includes('close') || (message?.version === '1.0' && !said.includes('keep-alive'));
}

const lingering = 'the client has ended its direction, and the connection stays';

/** @param usable whether nothing has happened on the connection after which it may be closed */
function checkExchange(context: Context, clean: boolean, usable: boolean): void {
  const { own, request, exchange, say } = context;
  if (own.state === 'hung') return say('hang', hangs(context));
  // Calls on a connection that the app itself spoils, or ends, may fail with it; they may not hang or get other answers.
  if (context.spoilt && exchange.answer.speaks === 2) return;
  if (context.leaving && exchange.answer.speaks === 2 && isGivenBack(own)) return;
  if (exchange.tunnel !== undefined) return checkTunnel(context);
  if (request.grade !== 'whole' || !clean) return;
  // A mutation may have taken the id away: then nobody can tell what became of it.
  if (idOf(request) !== own.id) return;
  if (!usable && (own.state === 'closed' || own.message?.status === 400)) return;
  const decision = decisionOn(context.ran.pair, request);
  if (decision.action === 'refuse') return checkRefused(context, decision.status, decision.reason);
  if (!context.ran.reached.has(own.id) && mayMiss(context)) return;
  if (!context.ran.reached.has(own.id))
    return say('verdict', `admitted, and the app got nothing: ${statusOf(own)}`, told(own));
  checkSeen(context);
  checkAnswer(context);
}

/** Whether the client was told that nobody has looked at its request (RFC 9113, 8.7), which an app that leaves may say. */
function isGivenBack({ message }: Came): boolean {
  return message?.status === 0 || (message?.status === 503 && message.body.startsWith('upstream-refused'));
}

/**
 * Whether the app's connection may have ended when the request was written: only what is done twice without harm is sent
 * again (RFC 9110, 9.2.2).
 */
function mayMiss({ hasty, own, request }: Context): boolean {
  return hasty && [502, 503].includes(own.message?.status ?? 0) && !/^(GET|HEAD)$/.test(request.method);
}

function hangs({ ran, own, request, answer }: Context): string {
  if (!ran.reached.has(own.id)) return `no answer to a request (${request.grade}) that the app never got`;
  return `no answer to a request (${request.grade}) that the app answered (${answer.grade})`;
}

function statusOf({ state, message }: Came): string {
  return state === 'closed' ? 'closed' : `status ${message?.status ?? 'none'}`;
}

function told({ message }: Came): string {
  return (message?.body ?? '').slice(0, 300);
}

function checkRefused({ own, ran, say }: Context, status: number, reason: string): void {
  if (ran.reached.has(own.id)) say('verdict', `the app got a request that is refused (${reason})`);
  else if (own.message?.status !== status)
    say('verdict', `${statusOf(own)} instead of ${status} (${reason})`, told(own));
}

function checkTunnel({ own, exchange, say }: Context): void {
  const mutated = `${exchange.name}${exchange.answer.name}`.includes('~');
  if (mutated) return;
  const status = own.message?.status ?? 0;
  if (status !== 101 && status !== 200) return say('answer', `a tunnel did not open: ${statusOf(own)}`, told(own));
  if (own.back !== exchange.tunnel)
    say('answer', 'a tunnel brought other bytes back', JSON.stringify(own.back.slice(0, 300)));
}

/** What the app got is what was sent, once. */
function checkSeen({ ran, own, request, exchange, say }: Context): void {
  const all = ran.seen.filter(({ id }) => id === own.id);
  const got = all.at(-1)?.message;
  if (got === undefined) return;
  if (all.length > 1 && got.grade === 'whole' && !/^(GET|HEAD)$/.test(request.method))
    say('request', 'sent to the app more than once', request.method);
  // A mutation may have sent it to another port.
  if (!exchange.name.includes('~') && got.version.startsWith('2') !== (exchange.answer.speaks === 2))
    say('request', `version ${got.version} to an app of HTTP/${exchange.answer.speaks}`);
  if (got.grade !== 'whole') say('request', `the app got a request that is not whole: ${got.why}`);
  if (got.method !== request.method) say('request', 'another method', got.method);
  if (got.target !== request.target.replace(/^http:\/\/[^/]*/, '')) say('request', 'another target', got.target);
  if (got.body !== request.body) say('request', 'another body', JSON.stringify(got.body.slice(0, 300)));
  sayDifferences(request, got, (what, detail) => say('request', what, detail));
}

function sayDifferences(sent: Message, got: Message, say: (what: string, detail: string) => void): void {
  const [before, after] = [endToEnd(sent.fields), endToEnd(got.fields)];
  for (const [name, value] of before) {
    const arrived = after.get(name);
    if (arrived === undefined) say(`header ${classOf(name)} is lost`, name);
    else if (arrived !== value)
      say(`header ${classOf(name)} has another value`, `${JSON.stringify(value)} → ${JSON.stringify(arrived)}`);
  }
  for (const name of after.keys()) if (!before.has(name)) say(`header ${classOf(name)} was added`, name);
}

/** Headers with numbers are all the same to us. */
function classOf(name: string): string {
  return /^[a-z-]+$/.test(name) && name.length < 24 ? name : '…';
}

/** What the client got is what the app answered. */
function checkAnswer(context: Context): void {
  const { own, answer, request, exchange, say } = context;
  if (isCut(answer) && own.message?.grade === 'whole' && own.message.status === answer.status)
    return say(
      'answer',
      'an answer that the app broke off looks complete',
      JSON.stringify(own.message.body.slice(0, 300)),
    );
  if (answer.grade !== 'whole' || (exchange.answer.early && exchange.answer.after !== 'keep')) return;
  const got = own.message;
  if (own.state === 'closed' || got === undefined)
    return say('answer', 'no answer: the connection closed', JSON.stringify(context.came.text.slice(0, 300)));
  if (got.status !== answer.status) return say('answer', `status ${got.status} instead of the app's`, told(own));
  // A body of no bytes may end what answers a HEAD, whatever length it says (RFC 9113, 8.1.1).
  const isHead = request.method === 'HEAD' && got.body === '' && got.why === 'the length';
  if (got.grade !== 'whole' && !isHead) return say('answer', `the client got an answer that is not whole: ${got.why}`);
  if (got.body !== answer.body && request.method !== 'HEAD')
    say('answer', 'another body', JSON.stringify(got.body.slice(0, 300)));
  const isHTTP2 = got.version === '2.0';
  const asSent = { ...answer, fields: isHTTP2 ? [...answer.fields, ...answer.trailers] : answer.fields };
  // A status of gRPC without a message may come as trailers (the contract says so), and HTTP/1.1 has no place for it.
  const arrived = { ...got, fields: [...got.fields, ...got.trailers] };
  sayDifferences(asSent, arrived, (what, detail) => {
    if (isHTTP2 || !what.startsWith('header grpc-')) say('answer', what, detail);
  });
  checkFraming(context, got);
}

/** A part of an answer, of which it is clear that more was to come. */
function isCut({ grade, why, version, status }: Message): boolean {
  if (grade !== 'partial' || status < 200) return false;
  return version === '2.0' ? why === '' : /^(the body|a chunk) is not complete$/.test(why);
}

function checkFraming({ request, answer, say }: Context, got: Message): void {
  const [lengths, said] = [got, answer].map(each => valuesOf(each.fields, 'content-length'));
  if ((got.status === 304 || got.status === 204) && lengths?.includes('0') && !said?.includes('0'))
    say('answer', `a ${got.status} gained a length`);
  if (request.version === '1.0' && got.interim.length > 0) say('answer', 'an interim answer to a client of HTTP/1.0');
  if (request.version === '1.0' && valuesOf(got.fields, 'transfer-encoding').length > 0)
    say('answer', 'chunks to a client of HTTP/1.0');
  if (request.version === '1.1' && got.version !== '1.1')
    say('answer', `version ${got.version} to a client of HTTP/1.1`);
}

/** Where the rules of two shells came to different ends: one app got a request that the other pair refused. */
export function compare(one: Ran, other: Ran): Violation[] {
  return [...verdicts(one, other), ...verdicts(other, one)];
}

function verdicts(admitted: Ran, refused: Ran): Violation[] {
  const cames = refused.links.flatMap(link => link.cames);
  return cames
    .filter(({ id, message }) => admitted.reached.has(id) && !refused.reached.has(id) && isPolicys(message))
    .map(({ id, message }) => ({
      kind: 'verdict' as const,
      shell: refused.pair.shell,
      id,
      what: `refused here and admitted on ${admitted.pair.shell}`,
      detail: `${message?.status} ${message?.body.slice(0, 200)}`,
    }));
}

/** An answer of the rules, and not of whoever reads the bytes. */
function isPolicys(message: Message | undefined): boolean {
  return (
    message !== undefined &&
    [403, 404, 400].includes(message.status) &&
    /no-rule|no-route|dot-segments|unknown-service/.test(message.body)
  );
}
