import { GROUP, ImageCredentialBinding } from '../../../api/index.ts';

/** Whether an object is meant as a binding, even if its version, or the letter case of its kind, is wrong. */
export function isBindingType({ apiVersion, kind }: Readonly<Record<string, unknown>>): boolean {
  const isOurKind =
    typeof kind === 'string' && kind.toLowerCase() === ImageCredentialBinding.kind.toLowerCase();
  return isOurKind || (typeof apiVersion === 'string' && apiVersion.split('/', 1)[0] === GROUP);
}
