const ACR = /^(?:[\w-]+\.)+azurecr\.(?<cloud>io|cn|us|de)$/i;
/** learn.microsoft.com/entra/identity-platform/authentication-national-cloud. The German cloud was shut down. */
const LOGIN_HOSTS: Readonly<Record<string, string>> = {
  io: 'login.microsoftonline.com',
  cn: 'login.partner.microsoftonline.cn',
  us: 'login.microsoftonline.us',
};

/** Whether a registry host belongs to Azure Container Registry. */
export function isAcr(host: string): boolean {
  return ACR.test(host);
}

/** The host of Microsoft Entra ID in the cloud of a registry host; `undefined` if that cloud does not exist. */
export function loginHostOf(host: string): string | undefined {
  return LOGIN_HOSTS[ACR.exec(host)?.groups?.['cloud']?.toLowerCase() ?? ''];
}
