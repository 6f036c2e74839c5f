import type { Dispatcher } from 'undici';

/**
 * An interceptor that asks `fence` when a request is about to be written to its connection, and not before: a
 * request may wait for a connection for as long as others are slow. What `fence` throws fails the request, of which
 * no byte is sent then.
 */
export function fenced(fence: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) =>
    function checked(options, handler) {
      const start = handler.onRequestStart?.bind(handler);
      // The handler was made for this one request.
      handler.onRequestStart = (controller, context) => {
        fence();
        start?.(controller, context);
      };
      return dispatch(options, handler);
    };
}
