/** HTTP/1.1: one GET at a time on a connection that is kept alive. */
import type { LoadPlan } from '../../model.ts';
import { AnswerReader } from './http1-reader.ts';
import { type Connection, type LaneEvents, openLane, wrongAnswer } from './protocol.ts';

/**
 * Opens a connection with one lane. A server that announces the end of the connection (`Connection: close`) does nothing
 * wrong: the connection is opened again and is not counted as broken, but what that takes is time of the next request.
 */
export function openHTTP1(plan: LoadPlan, [lane = 0]: readonly number[], events: LaneEvents): Connection {
  const { endpoint, payloadBytes } = plan;
  const request = Buffer.from(`GET ${endpoint.path} HTTP/1.1\r\nHost: ${endpoint.authority}\r\n\r\n`, 'latin1');
  return openLane(plan, lane, events, request, own => {
    let reader = new AnswerReader();
    const answered = (status: number, length: number) => own.answered(wrongAnswer(status, length, payloadBytes));
    return {
      opened() {
        reader = new AnswerReader();
        own.ready();
      },
      data(chunk) {
        const answers = reader.push(chunk);
        const [answer] = answers;
        if (answer === undefined) return;
        if (!own.pending || answers.length > 1) throw new Error('an answer that nothing was asked for');
        answered(answer.status, answer.length);
        if (answer.last) own.renew(null);
        else own.ready();
      },
      lost() {
        const answer = own.pending ? reader.end() : null;
        if (answer !== null) answered(answer.status, answer.length);
      },
    };
  });
}
