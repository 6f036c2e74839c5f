export { AdmissionServer, type AdmissionSettings } from './server.ts';
