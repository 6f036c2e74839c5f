export { Caches } from './caches.ts';
export { scopesOf, type WatchedNamespaces } from './namespaces.ts';
export { type AnyReflector, Reflector } from './reflector.ts';
export { type Change, type ListenerErrorHandler, Store, throwUnhandled } from './store.ts';
