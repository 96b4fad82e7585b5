// The session policy, which limits what a token may do.
// https://help.aliyun.com/document_detail/93739 (RAM policy language)

/** The result of a policy for one request. */
export type Decision = 'Allow' | 'ImplicitDeny' | 'ExplicitDeny';

/** A RAM policy document of version 1. It supports Effect, Action and Resource, and the wildcards `*` and `?`. */
export class SessionPolicy {
  /** The length of the document in characters. */
  readonly length: number;
  readonly #statements: readonly Statement[];

  /**
   * Reads a policy document.
   *
   * @throws {TypeError} if LocalOss does not understand the document.
   * @throws {RangeError} if the document is longer than 2,048 characters.
   */
  constructor(document: object | string) {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    if (text.length > 2048) throw new RangeError(`A session policy has at most 2048 characters: got ${text.length}`);
    const { Version: version, Statement: statements, ...others } = asRecord(JSON.parse(text));
    if (version !== '1') throw new TypeError(`A session policy needs "Version": "1": got ${JSON.stringify(version)}`);
    refuseOthers(others);
    this.length = text.length;
    this.#statements = listOf(statements).map((statement) => readStatement(asRecord(statement)));
  }

  /** Decides about one action. `resource` has the form `bucket/key`. An explicit Deny overrides every Allow. */
  decide(action: string, resource: string): Decision {
    const hits = this.#statements.filter(
      (one) => one.actions.some((p) => p.test(action)) && one.resources.some((p) => p.test(resource)),
    );
    if (hits.some((one) => one.effect === 'Deny')) return 'ExplicitDeny';
    return hits.length > 0 ? 'Allow' : 'ImplicitDeny';
  }
}

interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly RegExp[];
  readonly resources: readonly RegExp[];
}

function readStatement(statement: Record<string, unknown>): Statement {
  const { Effect: effect, Action: actions, Resource: resources, ...others } = statement;
  refuseOthers(others);
  if (effect !== 'Allow' && effect !== 'Deny')
    throw new TypeError('The Effect of a statement must be "Allow" or "Deny"');
  return {
    effect,
    actions: strings(actions, 'Action').map((action) => wildcard(action, 'i')),
    resources: strings(resources, 'Resource').map((resource) => wildcard(bucketPath(resource), '')),
  };
}

/**
 * Returns the part `bucket/key` of `acs:oss:{region}:{account}:{bucket/key}`. Any region and any account are accepted.
 */
function bucketPath(resource: string): string {
  if (resource === '*') return resource;
  const found = /^acs:oss:[^:]*:[^:]*:(.+)$/s.exec(resource);
  if (!found) throw new TypeError(`A Resource must have the form acs:oss:*:*:bucket/prefix*: got "${resource}"`);
  return found[1]!;
}

function wildcard(pattern: string, flags: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\/]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, `su${flags}`);
}

function strings(value: unknown, name: string): string[] {
  const list = listOf(value);
  if (list.length > 0 && list.every((item) => typeof item === 'string')) return list;
  throw new TypeError(`The ${name} of a statement must be a string or a list of strings`);
}

function listOf(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('A policy and its statements must be objects');
  return value as Record<string, unknown>;
}

/** Refuses unknown fields. If LocalOss ignored a condition, the policy would allow more than its author wrote. */
function refuseOthers(others: Record<string, unknown>): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw new TypeError(`LocalOss does not understand "${name}" in a policy`);
}
