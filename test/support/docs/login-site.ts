import type { Site } from '../../../hack/testenv/cloud.ts';

/**
 * A registry that requires a login.
 *
 * @param logins - those that may pull, as `user:password`
 */
export function loginSite(logins: readonly string[]): Site {
  return ({ login }) =>
    login !== undefined && logins.includes(`${login.username}:${login.password}`)
      ? 'Registry'
      : {
          status: 401,
          headers: { 'www-authenticate': 'Basic realm="registry"' },
          body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
        };
}
