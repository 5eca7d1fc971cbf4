/** HTTP/1.1: one GET at a time on a connection that is kept alive. */
import type { LoadPlan } from '../../model.ts';
import { AnswerReader } from './http1-reader.ts';
import { type Connection, type LaneEvents, openWire, wrongAnswer } from './protocol.ts';

/**
 * Opens a connection with one lane. A server that announces the end of the connection (`Connection: close`) does nothing
 * wrong: the connection is opened again and is not counted as broken, but what that takes is time of the next request.
 */
export function openHTTP1(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  const { endpoint, payloadBytes } = plan;
  const request = Buffer.from(`GET ${endpoint.path} HTTP/1.1\r\nHost: ${endpoint.authority}\r\n\r\n`, 'latin1');
  let reader = new AnswerReader();
  let pending = false;
  const answered = (status: number, length: number) => {
    pending = false;
    events.answered(lane, wrongAnswer(status, length, payloadBytes));
  };
  const read = (chunk: Buffer) => {
    const answers = reader.push(chunk);
    const [answer] = answers;
    if (answer === undefined) return;
    if (!pending || answers.length > 1) throw new Error('an answer that nothing was asked for');
    answered(answer.status, answer.length);
    if (answer.last) wire.renew(null);
    else events.ready(lane);
  };
  const wire = openWire(
    endpoint,
    {
      opened() {
        reader = new AnswerReader();
        events.ready(lane);
      },
      data: read,
      lost() {
        const answer = pending ? reader.end() : null;
        if (answer !== null) answered(answer.status, answer.length);
        pending = false;
        events.gone(lane);
      },
    },
    events.broken,
  );
  return {
    send() {
      pending = true;
      wire.write(request);
    },
    close: () => wire.close(),
  };
}
