/**
 * The Autonoma API for TypeScript and JavaScript.
 *
 * Every path, parameter and body is typed from the same OpenAPI document that the
 * server serves. Answers that are problems become a ProblemError, which carries the
 * stable code to branch on. Nothing is sent twice by itself, except that a stream
 * of events is taken up where it was cut off.
 */
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type Task = Schemas["Task"];
export type Event = Schemas["Event"];
export type Problem = Schemas["Problem"];

/** A ProblemError is an answer that tells why a request failed (RFC 9457). */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ProblemError";
  }

  /** The stable name of the kind of problem. */
  get code(): Problem["code"] {
    return this.problem.code;
  }
}

/** A StrangeAnswer is none of the server's, as the page of a proxy that cannot reach it. */
export class StrangeAnswer extends Error {
  constructor(readonly status: number) {
    super(`an answer with status ${status} is no stream of events; is there an Autonoma server at this address?`);
    this.name = "StrangeAnswer";
  }
}

export interface Options {
  /** Address of the server, as in http://127.0.0.1:7420 */
  baseUrl: string;
  /** An API key. */
  key: string;
  /** Instead of the global fetch. */
  fetch?: typeof globalThis.fetch;
}

export class Autonoma {
  /** All operations: `api.GET("/v1/agents/tasks", …)`. They throw ProblemErrors. */
  readonly api: Client<paths>;

  constructor(private readonly options: Options) {
    this.api = createClient<paths>({
      baseUrl: options.baseUrl,
      fetch: options.fetch ?? globalThis.fetch,
      headers: { Authorization: `Bearer ${options.key}` },
      redirect: "error", // there are none, and the key is not for others
    });
    this.api.use(throwing);
  }

  /**
   * Follows a task, an execution of an agent or a run of a workflow, from the event
   * after the given number to the last one there will be. When the connection breaks
   * or the server is down it comes again, with the number of the last event that was
   * seen: nothing is missed, and nothing comes twice. It gives up after ten failures
   * in a row, and at once when it is told something that will not pass.
   */
  async *events(runId: string, options: { after?: number; signal?: AbortSignal } = {}): AsyncGenerator<Event> {
    let after = options.after ?? 0;
    for (let failures = 0; ; ) {
      try {
        const response = await this.open(runId, after, options.signal);
        if (response.status === 204) return; // all was seen
        for await (const event of read(response)) {
          failures = 0;
          after = event.seq;
          yield event;
          if (ends(event)) return;
        }
      } catch (error) {
        if (options.signal?.aborted || !passes(error)) throw error;
        if (++failures > 10) throw error;
      }
      await pause(Math.min(1000 * 2 ** failures, 10_000), options.signal);
    }
  }

  private async open(runId: string, after: number, signal?: AbortSignal): Promise<Response> {
    const ask = this.options.fetch ?? globalThis.fetch;
    const url = new URL(`${pathOf(runId)}/events`, this.options.baseUrl);
    const headers: Record<string, string> = { Authorization: `Bearer ${this.options.key}`, Accept: "text/event-stream" };
    if (after > 0) headers["Last-Event-ID"] = String(after);
    const response = await ask(url, { headers, signal: signal ?? null, redirect: "error" });
    await refuse(response);
    if (response.status !== 204 && !response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      await response.body?.cancel();
      throw new StrangeAnswer(response.status);
    }
    return response;
  }
}

/** The path of a run: those of workflows have one of their own. */
function pathOf(runId: string): string {
  const runs = runId.startsWith("wf_") ? "/v1/customer/workflow" : "/v1/agents/tasks";
  return `${runs}/${encodeURIComponent(runId)}`;
}

/** Reports whether it makes sense to try again after an error. */
function passes(error: unknown): boolean {
  if (error instanceof ProblemError) return error.problem.status >= 500 || error.problem.status === 429;
  return !(error instanceof StrangeAnswer) || error.status >= 500 || error.status === 429;
}

const throwing: Middleware = {
  async onResponse({ response }) {
    await refuse(response);
    return undefined;
  },
};

/** Throws what a problem tells. Health that is bad is an answer, not a problem. */
async function refuse(response: Response): Promise<void> {
  if (response.ok || !response.headers.get("Content-Type")?.startsWith("application/problem+json")) return;
  throw new ProblemError((await response.json()) as Problem);
}

/** Reads server-sent events as they come. */
async function* read(response: Response): AsyncGenerator<Event> {
  if (!response.body) return;
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = text
        .slice(0, end)
        .split("\n")
        .filter((line) => line.startsWith("data: "))
        .map((line) => line.slice("data: ".length))
        .join("\n");
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data) as Event;
    }
  }
}

/** Reports whether nothing more happens to the run of an event. */
function ends(event: Event): boolean {
  const status = event.kind === "status" ? (event.data as { status?: string }).status : undefined;
  return status === "completed" || status === "failed" || status === "cancelled";
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted(); // no listener would hear of that
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
