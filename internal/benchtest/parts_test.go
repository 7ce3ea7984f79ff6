package benchtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/sandbox"
	"autonoma/internal/setup"
	"autonoma/internal/store"
	"autonoma/internal/workspace/workspacetest"
)

// BenchmarkTurnParts is what the parts of a turn cost by themselves.
func BenchmarkTurnParts(b *testing.B) {
	box, _, err := sandbox.Open(b.Context(), sandbox.Auto)
	if err != nil {
		lacking(b, "%v", err)
	}
	spaces := workspacetest.Store(b)
	base := workspacetest.Prepare(b, spaces, workspacetest.Run, repository(b, 20))
	files := must(spaces.Workspace(b.Context(), workspacetest.Run, "main", base.Commit))(b)
	defer files.Close()
	plain := sandbox.Command{Argv: []string{"bash", "-c", "true"}, Workspace: files.Dir()}
	equipped := equip(b, box, plain)
	add := appender(b)
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if err := exec.CommandContext(b.Context(), "bash", "-c", "true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, boxed := range []struct {
		name    string
		command sandbox.Command
	}{{"sandbox", plain}, {"sandbox with caches", equipped}} {
		b.Run(boxed.name, func(b *testing.B) {
			for b.Loop() {
				if exit, err := box.Run(b.Context(), boxed.command); err != nil || !exit.OK() {
					b.Fatal(exit, err)
				}
			}
		})
	}
	b.Run("look at the files", func(b *testing.B) {
		for b.Loop() {
			if _, changed, err := files.Checkpoint(b.Context(), "none"); err != nil || changed {
				b.Fatal(changed, err)
			}
		}
	})
	b.Run("journal", func(b *testing.B) {
		for b.Loop() {
			if err := add(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write and sync", func(b *testing.B) {
		f := must(os.Create(filepath.Join(b.TempDir(), "log")))(b)
		defer f.Close()
		page := make([]byte, 8192)
		for b.Loop() {
			if _, err := f.Write(page); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// equip shows a command what those of a run are shown.
func equip(b *testing.B, box sandbox.Sandbox, c sandbox.Command) sandbox.Command {
	b.Helper()
	tools, env := sandbox.Toolchains(os.Getenv)
	installer := setup.New(b.TempDir(), box, tools, env, os.Getenv)
	mounts, env, err := installer.View(setup.Installed{}, []string{"Go"}, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c.Mounts, c.Env, c.Home = mounts, env, b.TempDir()
	return c
}

// appender returns what adds one event to the journal of an execution.
func appender(b *testing.B) func(context.Context) error {
	b.Helper()
	db := must(store.Open(b.Context(), filepath.Join(b.TempDir(), "autonoma.db")))(b)
	b.Cleanup(func() { db.Close() })
	now := time.Now()
	owner := autonoma.Tenant{ID: autonoma.NewTenantID(), Name: "bench", Plan: autonoma.Enterprise, CreatedAt: now}
	run, first := autonoma.NewRun(autonoma.KindTask, owner.ID, autonoma.Request{Task: "Write a note."}, []autonoma.Step{}, time.Minute, now)
	exec := autonoma.Execution{ID: autonoma.NewExecutionID(), Run: run.ID, Status: autonoma.StepPending, CreatedAt: now}
	var lease store.Lease
	err := db.Update(b.Context(), func(tx *store.Tx) (err error) {
		if err := tx.InsertTenant(owner); err != nil {
			return err
		}
		if err := tx.InsertRun(run, first); err != nil {
			return err
		}
		if err := tx.InsertExecution(exec); err != nil {
			return err
		}
		began, err := run.Become(autonoma.InProgress, "", nil, now)
		if err != nil {
			return err
		}
		if err := tx.SaveRun(run, began); err != nil {
			return err
		}
		lease, err = tx.Take(&exec, now)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	return func(ctx context.Context) error {
		n++
		e := autonoma.NewEvent(autonoma.EventNotice, exec.ID, time.Now(), autonoma.Notice{Code: "turn", Message: fmt.Sprintf("%0500d", n)})
		return db.Append(ctx, lease, autonoma.Usage{ModelCalls: 1}, e)
	}
}
