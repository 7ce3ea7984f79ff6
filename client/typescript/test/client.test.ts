// The client against a server that is already running: AUTONOMA_URL and
// AUTONOMA_KEY say where, AUTONOMA_SOURCE is a repository that it may work on.
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test, type TestContext } from "node:test";
import { Autonoma, ProblemError, StrangeAnswer, type Event } from "../src/index.js";

function need(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const baseUrl = need("AUTONOMA_URL");
const key = need("AUTONOMA_KEY");
const source = need("AUTONOMA_SOURCE");
const autonoma = new Autonoma({ baseUrl, key });

test("a task from its submission to its branch", async () => {
  const body = { task: "Spell the greeting right.", capabilities: ["BUILD" as const], scope: "demo" as const, source };
  const once = { "Idempotency-Key": crypto.randomUUID() };
  const made = await autonoma.api.POST("/v1/agents/tasks", { body, params: { header: once } });
  const again = await autonoma.api.POST("/v1/agents/tasks", { body, params: { header: once } });
  assert.equal(made.response.status, 202);
  assert.deepEqual(again.data, made.data);
  assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");
  const taskId = made.data!.taskId;

  const seen: Event[] = [];
  for await (const event of autonoma.events(taskId)) seen.push(event);
  assert.deepEqual(seen.map((e) => e.seq), seen.map((_, i) => i + 1));

  const { data: task } = await autonoma.api.GET("/v1/agents/tasks/{taskId}", { params: { path: { taskId } } });
  assert.equal(task!.status, "completed", JSON.stringify(task!.error));
  assert.equal(task!.output!.branch, `autonoma/${taskId}`);
  assert.equal(task!.usage.modelCalls, seen.filter((e) => e.kind === "turn").length);

  const { data: page } = await autonoma.api.GET("/v1/agents/tasks", { params: { query: { status: "completed", limit: 5 } } });
  assert.ok(page!.tasks.some((t) => t.taskId === taskId));
  const { data: diff } = await autonoma.api.GET("/v1/agents/tasks/{taskId}/diff", { params: { path: { taskId } }, parseAs: "text" });
  assert.match(String(diff), /^diff --git /m);
});

test("a stream that is cut off goes on where it was", async () => {
  const { data: page } = await autonoma.api.GET("/v1/agents/tasks", { params: { query: { limit: 1 } } });
  const taskId = page!.tasks[0]!.taskId;
  let cuts = 0;
  const cutting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!response.body || cuts >= 2) return response;
    cuts++;
    let left = 700; // bytes, in the middle of an event
    const short = response.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, out) {
        out.enqueue(piece.slice(0, left));
        left -= piece.length;
        if (left <= 0) out.terminate();
      },
    }));
    return new Response(short, { status: response.status, headers: response.headers });
  };
  const numbers: number[] = [];
  for await (const event of new Autonoma({ baseUrl, key, fetch: cutting }).events(taskId)) numbers.push(event.seq);
  assert.equal(cuts, 2);
  assert.deepEqual(numbers, numbers.map((_, i) => i + 1));
});

test("runs of workflows and executions of agents are followed too", async () => {
  const workflow = { name: "greet", steps: [{ id: "work", agent: "coder-ai", task: "Spell the greeting right." }] };
  const { data: run } = await autonoma.api.POST("/v1/customer/workflow", { body: { workflow, source, scope: "demo" } });
  const { data: execution } = await autonoma.api.POST("/v1/admin/rigor/invoke/{personality}", {
    params: { path: { personality: "coder-ai" } },
    body: { prompt: "Spell the greeting right.", source, scope: "demo" },
  });
  for (const id of [run!.workflowId, execution!.executionId]) {
    const seen: Event[] = [];
    for await (const event of autonoma.events(id)) seen.push(event);
    assert.deepEqual(seen.map((e) => e.seq), seen.map((_, i) => i + 1));
    assert.equal(seen.at(-1)?.kind, "status", id);
  }
});

/** Lets no time pass in pauses until the test is over. */
function hurry(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hand = setInterval(() => t.mock.timers.runAll(), 1);
  t.after(() => clearInterval(hand));
}

/** A client whose answers are these, the last one for ever; and how often it asked. */
function answered(...answers: (() => Response)[]) {
  const asked = { times: 0 };
  const answer: typeof fetch = async () => {
    assert.ok(asked.times < 50, "it asks for ever");
    return answers[Math.min(asked.times++, answers.length - 1)]!();
  };
  return { client: new Autonoma({ baseUrl, key, fetch: answer }), asked };
}

const page = (status: number) => () => new Response("<h1>Sorry</h1>", { status, headers: { "Content-Type": "text/html" } });
const told = (status: number, code: string) => () =>
  new Response(JSON.stringify({ title: code, status, code }), { status, headers: { "Content-Type": "application/problem+json" } });
const stream = (...events: object[]) => () =>
  new Response(events.map((e) => `data: ${JSON.stringify(e)}\n\n`).join(""), { headers: { "Content-Type": "text/event-stream" } });

test("a stream outlasts a server that is down for a while", async (t) => {
  hurry(t);
  const { client } = answered(
    stream({ seq: 1, kind: "turn", data: {} }), page(502), told(503, "unavailable"), told(429, "rate_limited"),
    stream({ seq: 2, kind: "status", data: { status: "completed" } }),
  );
  const numbers: number[] = [];
  for await (const event of client.events("task_000000000000")) numbers.push(event.seq);
  assert.deepEqual(numbers, [1, 2]);
});

test("a stream gives up", async (t) => {
  hurry(t);
  const strange = (status: number) => (error: unknown) => error instanceof StrangeAnswer && error.status === status;
  const down = answered(page(502));
  await assert.rejects(down.client.events("task_000000000000").next(), strange(502));
  assert.equal(down.asked.times, 11);
  const elsewhere = answered(page(200));
  await assert.rejects(elsewhere.client.events("task_000000000000").next(), strange(200));
  assert.equal(elsewhere.asked.times, 1);
});

test("a signal ends a pause, and pauses leave nothing on it", async (t) => {
  const over = new AbortController();
  const reason = new Error("enough");
  let cut = () => over.abort(reason); // while an answer is read, before the pause
  const { client, asked } = answered(() => new Response(new ReadableStream({
    pull(out) { cut(); out.close(); },
  }, { highWaterMark: 0 }), { headers: { "Content-Type": "text/event-stream" } }));
  await assert.rejects(client.events("task_000000000000", { signal: over.signal }).next(), reason);
  assert.equal(asked.times, 1);

  hurry(t);
  const later = new AbortController();
  cut = () => {
    if (asked.times < 5) return;
    assert.equal(getEventListeners(later.signal, "abort").length, 0);
    later.abort(reason);
  };
  await assert.rejects(client.events("task_000000000000", { signal: later.signal }).next(), reason);
  assert.equal(asked.times, 5);
});

test("problems are errors with a code", async () => {
  const problem = (code: string) => (error: unknown) => error instanceof ProblemError && error.code === code;
  const nobody = new Autonoma({ baseUrl, key: "aut_nobody" });
  await assert.rejects(() => nobody.api.GET("/v1/info"), problem("unauthorized"));
  const path = { taskId: "task_000000000000" };
  await assert.rejects(() => autonoma.api.GET("/v1/agents/tasks/{taskId}", { params: { path } }), problem("not_found"));
  await assert.rejects(async () => {
    for await (const _ of autonoma.events(path.taskId)) assert.fail("an event of nothing");
  }, problem("not_found"));
  await assert.rejects(
    () => autonoma.api.POST("/v1/agents/tasks", { body: { task: "", capabilities: ["BUILD"] } }),
    (error) => error instanceof ProblemError && error.code === "validation_failed" && error.problem.errors?.[0]?.field === "task",
  );
});

test("health and information", async () => {
  const { data: health } = await autonoma.api.GET("/v1/health");
  const { data: info, response } = await autonoma.api.GET("/v1/info");
  assert.ok(health!.version);
  assert.ok(info!.endpoints.length > 10);
  assert.ok(Number(response.headers.get("X-RateLimit-Remaining")) > 0);
});
