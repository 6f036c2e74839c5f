import type { Dispatcher } from 'undici';

/**
 * An interceptor that calls `fence` immediately before a request is written to its connection. An earlier call would not
 * suffice, because a request may wait a long time for a connection. If `fence` throws, the request fails, and no byte of it
 * is sent.
 */
export function fenced(fence: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) =>
    function checked(options, handler) {
      const start = handler.onRequestStart?.bind(handler);
      // The handler belongs to this request only, so it may be changed.
      handler.onRequestStart = (controller, context) => {
        fence();
        start?.(controller, context);
      };
      return dispatch(options, handler);
    };
}
