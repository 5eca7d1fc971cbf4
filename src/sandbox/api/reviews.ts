/** Kinds that are questions: created, answered, and never stored. */
import { type JsonObject, objectAt } from './objects.ts';
import { apiAudience, type Tokens, type User } from './tokens.ts';

/** A virtual resource: what discovery says of it, and its answer to a POST. */
export interface Review {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly answer: (body: JsonObject, context: { readonly tokens: Tokens; readonly user: User }) => JsonObject;
}

const texts = (value: unknown) => (Array.isArray(value) ? value.filter(one => typeof one === 'string') : []);

const tokenReview: Review['answer'] = (body, { tokens }) => {
  const spec = objectAt(body.spec);
  const asked = texts(spec.audiences);
  const verdict = tokens.review(String(spec.token ?? ''), asked.length > 0 ? asked : [apiAudience]);
  const refused = { authenticated: false, user: {}, error: 'the token is not valid for any of the audiences' };
  return verdict ? { authenticated: true, user: verdict.user, audiences: verdict.audiences } : refused;
};

/** Every review of the sandbox. Authorisation is not what it is for, so whoever asks may. */
export const reviews: readonly Review[] = [
  { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenReview', plural: 'tokenreviews', answer: tokenReview },
  {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectReview',
    plural: 'selfsubjectreviews',
    answer: (_body, { user }) => ({ userInfo: user }),
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    plural: 'selfsubjectaccessreviews',
    answer: () => ({ allowed: true }),
  },
];
