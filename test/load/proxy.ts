/** The measure of things: a Worker that hands a body on, and does nothing else. */
export default {
  fetch: (request: Request, env: { readonly SINK: string }): Promise<Response> =>
    fetch(env.SINK, { method: 'POST', body: request.body }),
};
