/** One request for a resource: verb and subresource to the function that serves it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from './context.ts';
import { listPage } from './list.ts';
import { servePodLog } from './pod-log.ts';
import { objectBodyOf, type ResourceRequest } from './request.ts';
import { formatOf, sendJson, showList, showObject } from './respond.ts';
import { notFound, notInSandbox } from './status.ts';
import { subjectOf } from './store-checks.ts';
import { serveWatch } from './watch.ts';
import { create, patch, remove, removeAll, scale, update } from './write.ts';

/** A request with the two ends of its connection. */
export interface Exchange {
  readonly target: ResourceRequest;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

type Handler = (context: Context, exchange: Exchange) => Promise<void>;

const format = ({ now }: Context, { message, target }: Exchange) =>
  formatOf(message, target.resource, target.query, now());

const get: Handler = async (context, exchange) => {
  const { resource, namespace, name } = exchange.target;
  const object = context.store.get(resource.id, namespace, name);
  if (!object) throw notFound(subjectOf(resource, name));
  sendJson(exchange.response, 200, showObject(object, format(context, exchange)));
};

const list: Handler = async (context, exchange) => {
  const { items, metadata } = listPage(context.store, exchange.target);
  sendJson(exchange.response, 200, showList(items, metadata, format(context, exchange)));
};

const watch: Handler = (context, exchange) =>
  serveWatch(context.store, exchange.target, exchange.response, format(context, exchange), context, context.watches);

const write =
  (verb: typeof create): Handler =>
  async (context, exchange) => {
    const { object, created } = await verb(context, exchange.target, exchange.message);
    sendJson(exchange.response, created ? 201 : 200, showObject(object, format(context, exchange)));
  };

const removeOne: Handler = async (context, { target, message, response }) => {
  sendJson(response, 200, await remove(context, target, message));
};

const removeCollection: Handler = async (context, exchange) => {
  const { items, metadata } = listPage(context.store, exchange.target);
  const removed = await removeAll(context, exchange.target, items, exchange.message);
  sendJson(exchange.response, 200, showList(removed, metadata, format(context, exchange)));
};

const serveScale: Handler = async (context, { target, message, response }) => {
  sendJson(response, 200, await scale(context, target, message));
};

const requestToken: Handler = async ({ tokens }, { target, message, response }) => {
  sendJson(response, 201, tokens.request(target.namespace, target.name, await objectBodyOf(message)));
};

const log: Handler = async ({ store, podLog, now }, { target, response }) => {
  const { namespace, name, query, resource } = target;
  const pod = store.get('pods', namespace, name);
  if (!pod) throw notFound(subjectOf(resource, name));
  await servePodLog(podLog, pod, query, response, now());
};

const handlers: Readonly<Record<string, Handler>> = {
  get,
  list,
  watch,
  create: write(create),
  update: write(update),
  patch: write(patch),
  delete: removeOne,
  deletecollection: removeCollection,
  'get status': get,
  'update status': write(update),
  'patch status': write(patch),
  'get scale': serveScale,
  'update scale': serveScale,
  'patch scale': serveScale,
  'get log': log,
  'create token': requestToken,
};

const has = ({ resource, subresource }: ResourceRequest) =>
  subresource === '' ||
  (subresource === 'status' && resource.status) ||
  (subresource === 'scale' && resource.scale) ||
  (subresource === 'log' && resource.id === 'pods') ||
  (subresource === 'token' && resource.id === 'serviceaccounts');

/** Serves an authorised request; failures are thrown as `ApiFailure`. */
export async function handle(context: Context, exchange: Exchange): Promise<void> {
  const { verb, subresource, resource } = exchange.target;
  if (!has(exchange.target)) throw notInSandbox(404, `the subresource ${resource.plural}/${subresource}`);
  const handler = handlers[[verb, subresource].filter(Boolean).join(' ')];
  if (!handler) throw notInSandbox(405, `${verb} on ${resource.plural}/${subresource}`);
  await handler(context, exchange);
}
