/** The reference for speed: a Worker that forwards the body of the request and does nothing else. */
export default {
  fetch: (request: Request, env: { readonly SINK: string }): Promise<Response> =>
    fetch(env.SINK, { method: 'POST', body: request.body }),
};
