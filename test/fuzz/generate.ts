/** Cases by seed: real messages, most of them changed, on connections that several clients share. */
import type { Random } from '../simulator/random.ts';
import { answerOf, answers1, answers2, plainAnswer, switching, withoutBody } from './answers.ts';
import { type Answer, anyStream, bytesOf, type Case, type Exchange, type Link, newId, part } from './case.ts';
import { gradeOfAnswer, streamOf } from './grade.ts';
import { type Maker, partsOf, requests1, requests2, tunnel, webSocket } from './messages.ts';
import { cut, delayFrames, mutate1, mutate2 } from './mutate.ts';

const linksMax = 24;

/** The n-th case of a seed. */
export function caseOf(random: Random): Case {
  return {
    links: Array.from({ length: random.between(linksMax / 2, linksMax) }, (_, at) => linkOf(random.fork(`link ${at}`))),
  };
}

/** Well-formed requests that come after a case, on new connections: whatever was before, they are answered. */
export function probesOf(random: Random): Link[] {
  const ask = (speaks: 1 | 2, name: string): Link => {
    const id = newId(random.next);
    const maker = (speaks === 1 ? requests1[name] : requests2[name]) as Maker;
    const to2 = speaks === 2 || name.includes('gRPC');
    const answer = plainAnswer(to2 ? 2 : 1, id);
    return {
      speaks,
      pipelined: false,
      exchanges: [{ id, name, request: partsOf(maker, id, speaks === 2 ? 1 : 0), answer }],
    };
  };
  return [
    ...Array.from({ length: 4 }, () => ask(1, 'GET of curl')),
    ...Array.from({ length: 2 }, () => ask(1, 'POST with a length')),
    ask(1, 'GET to the gRPC port'),
    ask(2, 'h2 GET'),
    ask(2, 'h2 GET to an HTTP/1.1 port'),
  ];
}

function linkOf(random: Random): Link {
  const speaks = random.chance(0.7) ? 1 : 2;
  const pipelined = random.chance(speaks === 2 ? 0.5 : 0.15);
  const count = random.between(1, 4);
  const exchanges = Array.from({ length: count }, (_, at) =>
    exchangeOf(random.fork(`exchange ${at}`), speaks, at, pipelined),
  );
  const leaves = random.chance(0.05) ? { leavesAfterMs: random.between(1, 80) } : {};
  const last = exchanges.findIndex(({ tunnel: bytes }) => bytes !== undefined);
  return {
    speaks,
    pipelined: pipelined && last < 0,
    exchanges: last < 0 ? exchanges : exchanges.slice(0, last + 1),
    ...leaves,
  };
}

function exchangeOf(random: Random, speaks: 1 | 2, at: number, pipelined: boolean): Exchange {
  const id = newId(random.next);
  if (speaks === 1 && random.chance(0.06)) return tunnelOf(random, id);
  const [name, maker] = random.pick(Object.entries(speaks === 1 ? requests1 : requests2));
  const stream = speaks === 2 ? streamOf(at) : 0;
  let request = partsOf(maker, id, stream);
  const mutated = random.chance(0.35);
  if (mutated) request = speaks === 1 ? mutate1(request, random) : mutate2(request, random, stream);
  if (random.chance(0.3) && !(pipelined && speaks === 2))
    request = speaks === 1 ? cut(request, random) : delayFrames(request, random);
  const bytes = bytesOf(request);
  const answer = scripted(random, speaks === 2 || /store:81/i.test(bytes) ? 2 : 1, id);
  const isHead = (bytes.startsWith('HEAD') || bytes.includes(':method\x04HEAD')) && random.chance(0.8);
  return {
    id,
    name: mutated ? `${name}~` : name,
    request,
    answer: together(isHead ? withoutBody(answer) : answer, bytes.split(' ', 1)[0] ?? ''),
  };
}

function scripted(random: Random, speaks: 1 | 2, id: string): Answer {
  const [name, template] = random.pick(Object.entries(speaks === 1 ? answers1 : answers2));
  let answer = random.chance(0.35) ? plainAnswer(speaks, id) : answerOf(name, template, speaks, id);
  if (random.chance(0.3)) {
    const parts = speaks === 1 ? mutate1(answer.parts, random) : mutate2(answer.parts, random, anyStream);
    answer = { ...answer, name: `${answer.name}~`, parts };
  }
  if (random.chance(0.3))
    answer = { ...answer, parts: speaks === 1 ? cut(answer.parts, random) : delayFrames(answer.parts, random) };
  return answer;
}

/** Bytes behind a whole answer come with it: nobody can tell those that come later from the next answer. */
function together(answer: Answer, method: string): Answer {
  if (gradeOfAnswer(answer, method).grade === 'whole' || answer.speaks === 2) return answer;
  return { ...answer, parts: [part(bytesOf(answer.parts))] };
}

function tunnelOf(random: Random, id: string): Exchange {
  const isWebSocket = random.chance(0.6);
  const [name, maker] = isWebSocket ? (['a WebSocket', webSocket] as const) : (['a tunnel', tunnel] as const);
  const mutated = random.chance(0.3);
  const made = partsOf(maker, id);
  const bytes = `\x81\x0c${id.repeat(random.between(1, 200))}`;
  const answer = answerOf('101', switching, 1, id);
  return {
    id,
    name: mutated ? `${name}~` : name,
    request: mutated ? mutate1(made, random) : made,
    tunnel: bytes,
    answer,
  };
}

function plainTo(name: string, id: string): Answer {
  const answer = plainAnswer(/gRPC|^h2 /.test(name) ? 2 : 1, id);
  return name.includes('HEAD') ? withoutBody(answer) : answer;
}

/** One link for each message as it is, with a plain other half: what real clients and apps do. */
export function corpus(random: Random): Case {
  const link = (speaks: 1 | 2, name: string, maker: Maker, answer: (id: string) => Answer): Link => {
    const exchanges = [0, 1].map(at => {
      const id = newId(random.next);
      return { id, name, request: partsOf(maker, id, speaks === 2 ? streamOf(at) : 0), answer: answer(id) };
    });
    return { speaks, pipelined: false, exchanges };
  };
  const [ask1, ask2] = [requests1['GET of curl'] as Maker, requests2['h2 GET'] as Maker];
  const [askHead, askPost] = [requests1.HEAD as Maker, requests1['POST that waits for 100'] as Maker];
  const old = requests1['GET of HTTP/1.0'] as Maker;
  return {
    links: [
      ...Object.entries(requests1).map(([name, maker]) => link(1, name, maker, id => plainTo(name, id))),
      ...Object.entries(requests2).map(([name, maker]) => link(2, name, maker, id => plainTo(name, id))),
      ...Object.entries(answers1).flatMap(([name, template]) => {
        const of = (maker: Maker, as: string) =>
          link(1, as, maker, id => together(answerOf(name, template, 1, id), as.split(' ', 1)[0] ?? ''));
        const head = link(1, 'HEAD', askHead, id => withoutBody(answerOf(name, template, 1, id)));
        return [
          of(ask1, 'GET of curl'),
          head,
          of(askHead, 'HEAD'),
          of(askPost, 'POST that waits for 100'),
          of(old, 'GET of HTTP/1.0'),
        ];
      }),
      ...Object.entries(answers2).map(([name, template]) =>
        link(2, 'h2 GET', ask2, id => answerOf(name, template, 2, id)),
      ),
      ...Object.entries(answers2).map(([name, template]) =>
        link(1, 'GET to the gRPC port', requests1['GET to the gRPC port'] as Maker, id =>
          answerOf(name, template, 2, id),
        ),
      ),
    ],
  };
}
