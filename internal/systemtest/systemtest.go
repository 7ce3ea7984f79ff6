// Package systemtest puts the whole of Autonoma together for tests that look at it as
// its users do, but for its doors: real git, real SQLite, real processes in a real
// sandbox, and the built-in agents and flows. Only the model is the test's.
package systemtest

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/model"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/secret"
	"autonoma/internal/service"
	"autonoma/internal/setup"
	"autonoma/internal/store/storetest"
	"autonoma/internal/tool/mcp"
	"autonoma/internal/worker"
	"autonoma/internal/workspace"
	"autonoma/workflows"
)

// Config is what tests differ in.
type Config struct {
	Box    sandbox.Sandbox
	Model  model.Model // of all tiers
	Root   string      // below which sources lie
	Slots  int         // how many executions there are at once
	MCP    *mcp.Servers
	Learns bool // whether runs are told what is known of their source

	// Adjust changes the rules of the house before it opens; nil: they are as shipped.
	Adjust func(*rigor.Policy)
}

// A System works until its test ends.
type System struct {
	Tasks     *service.Tasks
	Workflows *service.Workflows
	Approvals *service.Approvals
	Known     *service.Knowledge
	Owner     autonoma.Actor
	Data      string // the directory of all that it keeps
}

// Open puts a system together and starts it.
func Open(t testing.TB, c Config) *System {
	t.Helper()
	ctx, dir, log := t.Context(), t.TempDir(), slog.New(slog.DiscardHandler)
	db := storetest.Open(t, filepath.Join(dir, "autonoma.db"))
	policy := must(rigor.DefaultPolicy())(t)
	if c.Adjust != nil {
		c.Adjust(&policy)
	}
	rules := service.Rules{Catalog: Catalog(t), Resolve: service.ResolveWorkflow}
	spaces := must(workspace.Open(filepath.Join(dir, "workspaces"), workspace.Options{}))(t)
	blobs := must(blob.Open(filepath.Join(dir, "blobs")))(t)
	secrets := must(secret.Open(filepath.Join(dir, "secret.key"), db))(t)
	tools, env := sandbox.Toolchains(os.Getenv)
	events := event.NewLog(db, time.Second)
	w := worker.New(worker.Config{
		DB: db, Events: events, Blobs: blobs, Rules: rules, Workspaces: spaces, Log: log, Sign: secrets.Signer, Learns: c.Learns,
		Engine: &rigor.Engine{
			Policy: policy, Workspaces: spaces, Box: c.Box, Roots: []string{c.Root}, MCP: c.MCP,
			Installer: setup.New(filepath.Join(dir, "setup"), c.Box, tools, env, os.Getenv),
			Model:     func(autonoma.Intelligence) (model.Model, error) { return c.Model, nil },
		},
	})
	w.Queue = must(queue.Open(ctx, db, c.Slots, w.Do, log))(t)
	if err := w.Queue.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Queue.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	keys := service.NewKeys(db)
	key := must(keys.Create(ctx, "owner", autonoma.Enterprise, autonoma.KeyScopes))(t)
	needs := service.Config{
		DB: db, Queue: w.Queue, Log: events, Blobs: blobs, Rules: rules, Candidates: policy.Candidates, Learns: c.Learns,
		Ready:  func(autonoma.Request) error { return nil },
		Source: func(context.Context, autonoma.Request) error { return nil },
	}
	tasks := service.NewTasks(needs)
	return &System{
		Data: dir, Owner: must(keys.Who(ctx, key))(t),
		Tasks: tasks, Workflows: must(service.NewWorkflows(tasks, workflows.Files))(t),
		Approvals: service.NewApprovals(needs), Known: service.NewKnowledge(db),
	}
}

// Catalog returns the built-in agents and flows.
func Catalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	return must(catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files}))(t)
}

// Do has a task done and returns its run when that is over.
func (s *System) Do(t testing.TB, req autonoma.Request) autonoma.Run {
	t.Helper()
	run := must(s.Tasks.Submit(t.Context(), s.Owner, req))(t)
	return s.Wait(t, run.ID, func(autonoma.Event) {})
}

// Wait follows a run until it is over and returns it. It calls each with every event.
func (s *System) Wait(t testing.TB, id autonoma.RunID, each func(autonoma.Event)) autonoma.Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for some, err := range must(s.Tasks.Follow(ctx, s.Owner, id, 0, time.Minute))(t) {
		if err != nil {
			t.Fatal(errors.Join(err, context.Cause(ctx)))
		}
		for _, e := range some {
			each(e)
		}
	}
	return must(s.Tasks.Get(ctx, s.Owner, id))(t)
}

// Events returns the log of a run.
func (s *System) Events(t testing.TB, id autonoma.RunID) []autonoma.Event {
	t.Helper()
	return must(s.Tasks.Events(t.Context(), s.Owner, id, 0, 100_000))(t)
}

// must returns what is not an error, and ends the test otherwise.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
