import { KubeError, type Transport } from '../../../src/kube/index.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../../src/object/index.ts';

/**
 * Writes the status subresource as controller-runtime's `Status().Update` and `Status().Patch` do. The controller's own
 * client has no such methods.
 */
export class StatusWriter {
  readonly #transport: Transport;
  readonly #userAgent: string;

  constructor(transport: Transport, userAgent: string) {
    this.#transport = transport;
    this.#userAgent = userAgent;
  }

  /**
   * Replaces the status with a PUT, with the object's `metadata.resourceVersion` as the precondition.
   *
   * @returns the stored object
   * @throws KubeError `Conflict` if the object has another resource version
   */
  async replace<Kind extends KubeObject>(resource: Resource, object: Kind): Promise<Kind> {
    const body = { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
    return this.#send(resource, object, { method: 'PUT', contentType: 'application/json', body });
  }

  /** Applies a merge patch to the status, at any resource version. Returns the stored object. */
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
    // The API server returns the object.
    return json as Kind;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function errorOf(request: string, status: number, answer: unknown): KubeError {
  const { reason = `HTTP${status}`, message = '' } = answer as { reason?: string; message?: string };
  return new KubeError(`${request}: ${message}`, { status, reason });
}
