// A typed client of the Sightline API: paths, bodies and answers are those of schema.ts, which is generated.
import createClient, { type Client, type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

export interface Options {
  /** Where the API is, such as `https://ads.example`. */
  baseUrl: string;
  /** An API key (`sl_…`) or the token of a session; leave it out for public routes and for pages with a cookie. */
  token?: string;
  /** The organisation to act for; its wallet. */
  account?: string;
  fetch?: (request: Request) => Promise<Response>;
}

/** An answer that is not success. `problem.code` is stable; docs/errors.md lists all codes. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

/** Gives every request its credentials, and every POST an Idempotency-Key, so that it may be sent again. */
function credentials(options: Options): Middleware {
  return {
    onRequest({ request }) {
      if (options.token) request.headers.set("Authorization", `Bearer ${options.token}`);
      if (options.account) request.headers.set("Sightline-Account", options.account);
      if (request.method === "POST" && !request.headers.has("Idempotency-Key")) {
        request.headers.set("Idempotency-Key", crypto.randomUUID());
      }
      return request;
    },
  };
}

export function sightline(options: Options): Client<paths> {
  const client = createClient<paths>({ baseUrl: options.baseUrl, fetch: options.fetch });
  client.use(credentials(options));
  return client;
}

/** The data of an answer, or ApiError: `const campaign = await data(client.GET("/v1/campaigns/{campaign}", …))`. */
export async function data<Data>(
  answer: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const { data: found, error, response } = await answer;
  if (error !== undefined || !response.ok) throw new ApiError(response.status, error as Problem);
  return found as Data;
}
