package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/secret"
	"autonoma/internal/service"
	"autonoma/internal/setup"
	"autonoma/internal/store"
	"autonoma/internal/store/storetest"
	"autonoma/internal/worker"
	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// openBox opens the strongest sandbox of this machine, once for all tests; where
// there is none, and none is required, commands run without.
var openBox = sync.OnceValues(func() (proven, error) {
	box, proof, err := sandbox.Open(context.Background(), sandbox.Auto)
	if err != nil && os.Getenv("AUTONOMA_TEST_REQUIRE") != "1" {
		box, proof, err = sandbox.Open(context.Background(), string(sandbox.None))
	}
	return proven{box, proof}, err
})

// proven is a sandbox, and what has shown that it holds.
type proven struct {
	sandbox.Sandbox
	proof sandbox.Report
}

// A house is the whole system but for its doors, in one process.
type house struct {
	t         *testing.T
	data      string
	repo      string
	db        *store.DB
	queue     *queue.Queue
	tasks     *service.Tasks
	agents    *service.Agents
	asks      *service.Approvals
	says      *service.Feedback
	known     *service.Knowledge
	answerIn  time.Duration // to questions; 0: as usual
	forgetful bool          // learns nothing, from the next start on
	news      *event.Log
	owner     autonoma.Actor
	box       *proven              // from the next start on; nil: the strongest there is
	core      model.Model          // of the lowest tier, if it has one of its own
	month     autonoma.MonthBudget // of all tenants
	spaces    *workspace.Store
	stop      func() // waits until the worker is at rest
	again     func() // starts a new process on the same data, after stop
}

// open starts the system, with m as the model of all tiers and a repository of
// the given files, until the test ends.
func open(t *testing.T, m model.Model, files string) *house {
	t.Helper()
	return openWith(t, m, files, 2, nil)
}

// openWith starts the system with so many slots, and with a resolver of the rules of
// steps.
func openWith(t *testing.T, m model.Model, files string, slots int, resolve service.Resolve) *house {
	t.Helper()
	h := &house{t: t, data: t.TempDir(), repo: workspacetest.Repo(t, files)}
	h.again = func() { h.build(m, slots, resolve) }
	h.again()
	return h
}

// build puts the parts together and starts them.
func (h *house) build(m model.Model, slots int, resolve service.Resolve) {
	t, data := h.t, h.data
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	box := must(openBox())(t)
	if h.box != nil {
		box = *h.box
	}
	h.db = storetest.Open(t, filepath.Join(data, "a.db"))
	secrets := must(secret.Open(filepath.Join(data, "secret.key"), h.db))(t)
	blobs := must(blob.Open(filepath.Join(data, "blobs")))(t)
	h.spaces = must(workspace.Open(filepath.Join(data, "workspaces"), workspace.Options{}))(t)
	known := must(catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files}))(t)
	tools, env := sandbox.Toolchains(os.Getenv)
	policy := must(rigor.DefaultPolicy())(t)
	events := event.NewLog(h.db, 100*time.Millisecond)
	h.news = events
	rules := service.Rules{Catalog: known, Resolve: resolve, AnswerIn: h.answerIn, Confines: func(least string) error {
		if least != "" && !box.Level().AtLeast(sandbox.Level(least)) {
			return fmt.Errorf("%s is less than %s: %w", box.Level(), least, autonoma.ErrUnavailable)
		}
		return nil
	}}
	w := worker.New(worker.Config{
		DB: h.db, Events: events, Blobs: blobs, Rules: rules, Workspaces: h.spaces, Log: log, Host: "here", Slots: 2,
		Learns: !h.forgetful, Budgets: worker.Budgets{Month: h.month}, Version: "1.2.3", Sign: secrets.Signer,
		Engine: &rigor.Engine{
			Policy: policy, Workspaces: h.spaces, Box: box.Sandbox, Proof: box.proof, Roots: []string{h.repo},
			Installer: setup.New(filepath.Join(data, "setup"), box.Sandbox, tools, env, os.Getenv),
			Model: func(tier autonoma.Intelligence) (model.Model, error) {
				if tier == autonoma.Core && h.core != nil {
					return h.core, nil
				}
				return m, nil
			},
		},
	})
	h.queue = must(queue.Open(t.Context(), h.db, slots, w.Do, log))(t)
	w.Queue = h.queue
	needs := service.Config{
		Learns: !h.forgetful,
		DB:     h.db, Queue: h.queue, Log: events, Blobs: blobs, Rules: rules, Month: h.month, Candidates: policy.Candidates,
		Ready:  func(autonoma.Request) error { return nil },
		Source: func(context.Context, autonoma.Request) error { return nil },
	}
	h.tasks, h.agents, h.asks = service.NewTasks(needs), service.NewAgents(needs), service.NewApprovals(needs)
	h.says = service.NewFeedback(needs)
	h.known = service.NewKnowledge(h.db)
	keys := service.NewKeys(h.db)
	key := must(keys.Create(t.Context(), "owner", autonoma.Startup, autonoma.KeyScopes))(t)
	h.owner = must(keys.Who(t.Context(), key))(t)
	h.start(w)
}

// start lets the worker work until stop is called, or the test ends.
func (h *house) start(w *worker.Worker) {
	ctx, cancel := context.WithCancel(context.Background())
	if err := errors.Join(w.Announce(ctx), h.queue.Start(ctx)); err != nil {
		h.t.Fatal(err)
	}
	var watch sync.WaitGroup
	watch.Go(func() { w.Watch(ctx) })
	watch.Go(func() { w.Beat(ctx) })
	watch.Go(func() { h.asks.Watch(ctx, slog.New(slog.DiscardHandler)) })
	h.stop = sync.OnceFunc(func() {
		w.Cut()
		grace, done := context.WithTimeout(ctx, 5*time.Second)
		defer done()
		if err := h.queue.Stop(grace); err != nil {
			h.t.Errorf("stop: %v", err)
		}
		cancel()
		watch.Wait()
	})
	h.t.Cleanup(h.stop)
}

// halt stops the process without waiting for commands, which are cut off.
func (h *house) halt() {
	h.t.Helper()
	now, cancel := context.WithCancel(h.t.Context())
	cancel()
	if err := h.queue.Stop(now); err != nil {
		h.t.Fatal(err)
	}
	h.stop()
}

// submit gives the system a task that is checked by test.sh, changed by adjust.
func (h *house) submit(adjust func(*autonoma.Request)) autonoma.RunID {
	h.t.Helper()
	req := autonoma.Request{
		Task: "Spell the greeting right.", Capabilities: []autonoma.Capability{autonoma.Build},
		Source: h.repo, Verify: []string{"sh test.sh"},
	}
	if adjust != nil {
		adjust(&req)
	}
	return must(h.tasks.Submit(h.t.Context(), h.owner, req))(h.t).ID
}

// until follows a run until an event is as wanted, and returns the run then.
func (h *house) until(id autonoma.RunID, wanted func(autonoma.Event) bool) autonoma.Run {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	news := must(h.tasks.Follow(ctx, h.owner, id, 0, time.Minute))(h.t)
	for some, err := range news {
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range some {
			if wanted(e) {
				return h.run(id)
			}
		}
	}
	run := h.run(id)
	h.t.Fatalf("the run is %s (%s): %v", run.Status, run.StatusDetail, run.Error)
	return run
}

// carryOut submits a task and returns the run when it is over.
func (h *house) carryOut(adjust func(*autonoma.Request)) autonoma.Run {
	h.t.Helper()
	return h.until(h.submit(adjust), event.Last)
}

func (h *house) run(id autonoma.RunID) autonoma.Run {
	h.t.Helper()
	return must(h.tasks.Get(h.t.Context(), h.owner, id))(h.t)
}

func (h *house) events(id autonoma.RunID) []autonoma.Event {
	h.t.Helper()
	return must(h.tasks.Events(h.t.Context(), h.owner, id, 0, 100_000))(h.t)
}

// becomes tells the event with which a run comes to a status.
func becomes(s autonoma.Status) func(autonoma.Event) bool {
	return func(e autonoma.Event) bool {
		return e.Kind == autonoma.EventStatus && dataOf[autonoma.StatusChanged](e).Status == s
	}
}

// dataOf reads the data of an event.
func dataOf[T any](e autonoma.Event) T {
	var v T
	_ = json.Unmarshal(e.Data, &v)
	return v
}

// artifacts returns the names of a run's artifacts and their contents.
func (h *house) artifacts(id autonoma.RunID) map[string]string {
	h.t.Helper()
	contents := map[string]string{}
	for _, a := range must(h.tasks.Artifacts(h.t.Context(), h.owner, id))(h.t) {
		_, f, err := h.tasks.Artifact(h.t.Context(), h.owner, id, a.ID)
		if err != nil {
			h.t.Fatal(err)
		}
		b := must(os.ReadFile(f.Name()))(h.t)
		f.Close()
		contents[a.Name] = string(b)
	}
	return contents
}

// git runs git in the repository of the user.
func (h *house) git(args ...string) string {
	h.t.Helper()
	return workspacetest.Git(h.t, h.repo, args...)
}

// must returns what is not an error, and fails the test otherwise.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// play is a model that plays the conversations, the first that matches.
func play(t *testing.T, conversations ...string) model.Model {
	t.Helper()
	return script.New(modeltest.Script(t, "name: test\nconversations:\n"+strings.Join(conversations, "")))
}

// repository is a project whose test fails.
const repository = `
-- greet.txt --
hello wrold
-- test.sh --
grep -q "hello world" greet.txt
`

// What the agents of the flow say when nothing is out of the ordinary.
const (
	researcher = `
  - match: {phase: research}
    turns:
      - calls: [{name: read, args: {path: greet.txt}}]
      - calls: [{name: finish, args: {summary: looked, confidence: 1, document: "The greeting is in greet.txt."}}]
`
	writers = `
  - match: {agent: req-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: required, confidence: 0.9, document: "AC1: the greeting is spelt right."}}]
  - match: {agent: planner-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: planned, confidence: 0.9, document: "1. greet.txt"}}]
  - match: {agent: architect-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {summary: designed, confidence: 0.8, document: "Nothing to decide."}}]
`
	coder = `
  - match: {agent: coder-ai, phase: generate}
    turns:
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
      - calls: [{name: finish, args: {summary: "Spell world right. It was a slip.", confidence: 0.95}}]
`
	tester = `
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: more.sh, content: "test -s greet.txt\n"}}]
      - calls: [{name: finish, args: {summary: Test that there is a greeting., confidence: 0.9}}]
`
	reviewer = `
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: It is right., confidence: 0.9}}]
`
)
