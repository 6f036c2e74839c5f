export { type CertificateSource, certificateFiles } from './certificate.ts';
export { AdmissionServer, type AdmissionSettings } from './server.ts';
export { ADMISSION_RESULTS, type AdmissionResult } from './webhook.ts';
