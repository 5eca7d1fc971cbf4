/** Failures of the API, in the shape that every Kubernetes client understands: `meta/v1` Status. */

/** One reason inside an `Invalid` answer (`meta/v1` StatusCause). */
export interface Cause {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueNotFound'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong';
  readonly message: string;
  /** Path such as `spec.ports[0].port`. */
  readonly field: string;
}

/** What a failure is about. */
export interface Subject {
  readonly group: string;
  /** Plural, or for `Invalid` the kind. */
  readonly kind: string;
  readonly name: string;
}

/** `meta/v1` Status. */
export interface StatusBody {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, unknown>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  /** Always there in a failure: clients look into it without asking (`kubectl debug` panics otherwise). */
  readonly details?: Record<string, unknown>;
  readonly code: number;
}

/** Thrown by the store and the handlers; the server writes it as a Status. */
export class ApiFailure extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Record<string, unknown> | undefined;
  constructor(code: number, reason: string, message: string, details?: Record<string, unknown>) {
    super(message);
    this.name = 'ApiFailure';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** The Status object that says what an error means, with what the request was about; anything unknown is a 500. */
export function statusOf(error: unknown, about?: Subject): StatusBody {
  if (!(error instanceof ApiFailure)) return statusOf(internal(error), about);
  const { code, reason, message, details } = error;
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason } as const;
  const subject = about && details?.kind === undefined ? detailsOf(about) : {};
  return { ...head, details: { ...subject, ...details }, code };
}

function internal(error: unknown): ApiFailure {
  const message = error instanceof Error ? error.message : String(error);
  return new ApiFailure(500, 'InternalError', `Internal error: ${message}`, { causes: [{ message }] });
}

const qualified = (about: Subject) => (about.group === '' ? about.kind : `${about.kind}.${about.group}`);
const detailsOf = (about: Subject) => ({
  ...(about.name && { name: about.name }),
  ...(about.group && { group: about.group }),
  kind: about.kind,
});

export function notFound(about: Subject): ApiFailure {
  return new ApiFailure(404, 'NotFound', `${qualified(about)} "${about.name}" not found`, detailsOf(about));
}

export function alreadyExists(about: Subject): ApiFailure {
  const message = `${qualified(about)} "${about.name}" already exists`;
  return new ApiFailure(409, 'AlreadyExists', message, detailsOf(about));
}

export function conflict(about: Subject, why: string): ApiFailure {
  const message = `Operation cannot be fulfilled on ${qualified(about)} "${about.name}": ${why}`;
  return new ApiFailure(409, 'Conflict', message, detailsOf(about));
}

/** `about.kind` is the kind, not the plural, as the real server has it here. */
export function invalid(about: Subject, causes: readonly Cause[]): ApiFailure {
  const lines = causes.map(cause => `${cause.field}: ${cause.message}`);
  const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const message = `${qualified(about)} "${about.name}" is invalid: ${list}`;
  return new ApiFailure(422, 'Invalid', message, { ...detailsOf(about), causes });
}

/** 400: the request itself cannot be understood. */
export function badRequest(message: string): ApiFailure {
  return new ApiFailure(400, 'BadRequest', message);
}

export function unauthorized(): ApiFailure {
  return new ApiFailure(401, 'Unauthorized', 'Unauthorized');
}

/** 403; `about` where the request's path does not tell. */
export function forbidden(message: string, about?: Subject): ApiFailure {
  return new ApiFailure(403, 'Forbidden', message, about && detailsOf(about));
}

/** The history that a list or watch asks for is gone: list again. */
export function expired(message: string): ApiFailure {
  return new ApiFailure(410, 'Expired', message);
}

/** Paths, methods and media types that the sandbox does not have. */
export function notInSandbox(code: 400 | 404 | 405 | 415, what: string): ApiFailure {
  const reasons = { 400: 'BadRequest', 404: 'NotFound', 405: 'MethodNotAllowed', 415: 'UnsupportedMediaType' } as const;
  return new ApiFailure(code, reasons[code], `${what} is not in the sandbox (docs/sandbox.md lists what is)`);
}
