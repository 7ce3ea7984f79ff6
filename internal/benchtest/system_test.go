package benchtest

import (
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
	"autonoma/internal/store"
	"autonoma/internal/worker"
	"autonoma/internal/workspace"

	"context"
	"io/fs"
)

// A system is the whole of the server in this process, so that it can be profiled,
// without the doors.
type system struct {
	tasks *service.Tasks
	as    autonoma.Actor
}

// assemble puts a system together that works with the model, on sources below
// root, and lets an agent take that many turns.
func assemble(b *testing.B, m model.Model, root string, turns int) *system {
	b.Helper()
	ctx, dir, log := b.Context(), b.TempDir(), slog.New(slog.DiscardHandler)
	box, _, err := sandbox.Open(ctx, sandbox.Auto)
	if err != nil {
		lacking(b, "%v", err)
	}
	db := must(store.Open(ctx, filepath.Join(dir, "autonoma.db")))(b)
	b.Cleanup(func() { db.Close() })
	policy := must(rigor.DefaultPolicy())(b)
	for _, of := range policy.Turns {
		of[autonoma.Change] = turns
	}
	policy.Patience.Unchanged = 0 // the commands of the scripts do nothing
	known := must(catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files}))(b)
	spaces := must(workspace.Open(filepath.Join(dir, "workspaces"), workspace.Options{}))(b)
	blobs := must(blob.Open(filepath.Join(dir, "blobs")))(b)
	secrets := must(secret.Open(filepath.Join(dir, "secret.key"), db))(b)
	tools, env := sandbox.Toolchains(os.Getenv)
	events := event.NewLog(db, time.Second)
	w := worker.New(worker.Config{
		DB: db, Events: events, Blobs: blobs, Rules: service.Rules{Catalog: known}, Workspaces: spaces, Log: log, Sign: secrets.Signer,
		Engine: &rigor.Engine{
			Policy: policy, Workspaces: spaces, Box: box, Roots: []string{root},
			Installer: setup.New(filepath.Join(dir, "setup"), box, tools, env, os.Getenv),
			Model:     func(autonoma.Intelligence) (model.Model, error) { return m, nil },
		},
	})
	w.Queue = must(queue.Open(ctx, db, 1, w.Do, log))(b)
	if err := w.Queue.Start(ctx); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := w.Queue.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	keys := service.NewKeys(db)
	key := must(keys.Create(ctx, "bench", autonoma.Enterprise, autonoma.KeyScopes))(b)
	return &system{
		as: must(keys.Who(ctx, key))(b),
		tasks: service.NewTasks(service.Config{
			DB: db, Queue: w.Queue, Log: events, Blobs: blobs, Rules: service.Rules{Catalog: known},
			Ready:  func(autonoma.Request) error { return nil },
			Source: func(context.Context, autonoma.Request) error { return nil },
		}),
	}
}

// must returns what has to be there.
func must[T any](v T, err error) func(*testing.B) T {
	return func(b *testing.B) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

// work has a task done.
func (s *system) work(b *testing.B, source string) {
	b.Helper()
	run, err := s.tasks.Submit(b.Context(), s.as, autonoma.Request{
		Task: "Write a note.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.Demo, Source: source,
	})
	if err != nil {
		b.Fatal(err)
	}
	news := must(s.tasks.Follow(b.Context(), s.as, run.ID, 0, time.Minute))(b)
	for _, err := range news {
		if err != nil {
			b.Fatal(err)
		}
	}
	if run = must(s.tasks.Get(b.Context(), s.as, run.ID))(b); run.Status != autonoma.Completed {
		b.Fatalf("the run is %s: %+v", run.Status, run.Error)
	}
}
