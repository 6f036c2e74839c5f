import type { CloudRequest } from '../../../hack/testenv/cloud.ts';

/**
 * The distinct credentials in requests: `user:password`, `refresh <token>` or `Bearer <token>`.
 *
 * @param issued - the token that the token server has issued, which does not count
 */
export function loginsIn(requests: readonly CloudRequest[], issued: string): readonly string[] {
  const sent = requests.flatMap(({ headers, body }) => {
    const refresh = new URLSearchParams(body).get('refresh_token');
    return [textOf(headers['authorization']), refresh === null ? undefined : `refresh ${refresh}`];
  });
  return [...new Set(sent.filter((each) => each !== undefined && each !== `Bearer ${issued}`))]
    .map(String)
    .sort();
}

function textOf(authorization: string | undefined): string | undefined {
  const pair = /^Basic (.+)$/.exec(authorization ?? '')?.[1];
  return pair === undefined ? authorization : Buffer.from(pair, 'base64').toString();
}
