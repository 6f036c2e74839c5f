export { type CertificateSource, certificateFiles } from './certificate.ts';
export { AdmissionServer, type AdmissionSettings } from './server.ts';
