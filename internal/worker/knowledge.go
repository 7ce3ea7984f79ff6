package worker

import (
	"context"
	"time"

	"autonoma"
	"autonoma/internal/knowledge"
	"autonoma/internal/store"
)

// mostKnown is how much of what is remembered of a source is looked at to choose from.
const mostKnown = 1_000

// known returns what tells an execution what is remembered of its repository, in no
// more than so many bytes, and counts that its run was told it; nil if there is nothing
// to remember.
func (w *Worker) known(lease store.Lease, run autonoma.Run) func(ctx context.Context, base string, most int) (string, error) {
	if !w.Learns || run.Request.Source == "" {
		return nil
	}
	return func(ctx context.Context, base string, most int) (string, error) {
		if err := w.readHistory(ctx, lease, run, base); err != nil {
			return "", err
		}
		all, err := w.DB.Knowledge(ctx, store.KnowledgeFilter{Tenant: run.Tenant, Source: run.Request.Source, Limit: mostKnown})
		if err != nil || len(all) == 0 {
			return "", err
		}
		now := time.Now()
		chosen := knowledge.Choose(all, run.Request.Task, now, most)
		err = w.DB.Update(ctx, func(tx *store.Tx) error {
			if err := tx.Hold(lease); err != nil {
				return err
			}
			return tx.Tell(run.ID, chosen, now)
		})
		return knowledge.Text(chosen), err
	}
}

// readHistory brings what the history of a source tells up to the base of a run, unless
// it is. A history that cannot be read is no reason for a run to fail.
func (w *Worker) readHistory(ctx context.Context, lease store.Lease, run autonoma.Run, base string) error {
	source := run.Request.Source
	head, err := w.DB.HistoryHead(ctx, run.Tenant, source)
	if err != nil || head == base {
		return err
	}
	past, err := w.Workspaces.History(ctx, string(run.ID), base)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		w.Log.WarnContext(ctx, "read history", "run", run.ID, "err", err)
		return nil
	}
	told := knowledge.OfHistory(past)
	now := time.Now()
	for i := range told {
		k := &told[i]
		k.ID, k.Tenant, k.Source, k.CreatedAt, k.UpdatedAt = autonoma.NewKnowledgeID(), run.Tenant, source, now, now
	}
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(lease); err != nil {
			return err
		}
		return tx.RememberHistory(run.Tenant, source, base, told)
	})
}

// learn remembers what a run that is over teaches, and counts for what it was told
// whether its result held. It may be done again.
func (w *Worker) learn(ctx context.Context, run autonoma.Run) error {
	if !w.Learns || run.Request.Source == "" {
		return nil
	}
	held, known := knowledge.Held(run)
	k, teaches := knowledge.OfRun(run, w.touched(ctx, run, held))
	return w.DB.Update(ctx, func(tx *store.Tx) error {
		if teaches {
			k.ID, k.CreatedAt, k.UpdatedAt = autonoma.NewKnowledgeID(), run.CompletedAt, run.CompletedAt
			if err := tx.Remember(k); err != nil {
				return err
			}
		}
		return tx.Judge(run.ID, held, known)
	})
}

// touched returns the files that a result changes that held.
func (w *Worker) touched(ctx context.Context, run autonoma.Run, held bool) []string {
	if !held || run.Output.HeadCommit == run.Output.BaseCommit {
		return nil
	}
	diff, err := w.Workspaces.Diff(ctx, string(run.ID), run.Output.BaseCommit, run.Output.HeadCommit)
	if err != nil { // it was cleared away already
		return nil
	}
	var files []string
	for _, f := range diff.Files {
		files = append(files, f.Path)
	}
	return files
}
