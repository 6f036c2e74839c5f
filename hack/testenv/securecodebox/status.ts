import { KubeError, type Transport } from '../../../src/kube/index.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../../src/object/index.ts';

/**
 * Writes through the status subresource as controller-runtime's `Status().Update` and `Status().Patch` do; the
 * controller's own client has no such writes.
 */
export class StatusWriter {
  readonly #transport: Transport;
  readonly #userAgent: string;

  constructor(transport: Transport, userAgent: string) {
    this.#transport = transport;
    this.#userAgent = userAgent;
  }

  /**
   * PUT of the status of the object that has this `metadata.resourceVersion`.
   *
   * @returns the object as it is now
   * @throws KubeError `Conflict` where it has another resource version by now
   */
  async replace<Kind extends KubeObject>(resource: Resource, object: Kind): Promise<Kind> {
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.#send(resource, object, { method: 'PUT', contentType: 'application/json', body });
  }

  /** Merge patch of an object's status, whatever its resource version. Gives the object as it is now. */
  async merge<Kind extends KubeObject>(resource: Resource, object: Kind, status: object): Promise<Kind> {
    const contentType = 'application/merge-patch+json';
    return this.#send(resource, object, { method: 'PATCH', contentType, body: { status } });
  }

  async #send<Kind extends KubeObject>(
    resource: Resource,
    object: Kind,
    { method, contentType, body }: { method: 'PUT' | 'PATCH'; contentType: string; body: object },
  ): Promise<Kind> {
    const { namespace = '', name } = object.metadata;
    const { origin, pathPrefix, headers, requests } = await this.#transport.connection();
    const path = `/apis/${apiVersionOf(resource)}/namespaces/${namespace}/${resource.plural}/${name}/status`;
    const answer = await requests.request({
      origin,
      path: `${pathPrefix}${path}`,
      method,
      headers: {
        accept: 'application/json',
        'content-type': contentType,
        'user-agent': this.#userAgent,
        ...headers,
      },
      body: JSON.stringify(body),
    });
    const json = await answer.body.json();
    if (answer.statusCode >= 400) throw errorOf(`${method} ${path}`, answer.statusCode, json);
    // The API server answers with the object.
    return json as Kind;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function errorOf(request: string, status: number, answer: unknown): KubeError {
  const { reason = `HTTP${status}`, message = '' } = answer as { reason?: string; message?: string };
  return new KubeError(`${request}: ${message}`, { status, reason });
}
