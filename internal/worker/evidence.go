package worker

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"

	"autonoma"
	"autonoma/internal/evidence"
)

// prove writes down what is known of the result of a run, and keeps it signed with
// what is delivered. A result that is no change, and of which nothing was found out,
// needs no proof.
func (w *Worker) prove(ctx context.Context, m made, d *delivery) error {
	v := d.output.Verification
	if m.head == m.base && v.Status == autonoma.NotApplicable {
		return nil
	}
	r, err := w.record(ctx, m, v)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	key, err := w.Sign(ctx)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	sealed, err := evidence.Sign(key, r)
	if err != nil {
		return err
	}
	kept, err := w.keep(m.run.ID, autonoma.EvidenceArtifact, "evidence", string(m.run.ID)+".evidence.json", evidence.MediaType, func(out io.Writer) error {
		_, err := out.Write(sealed)
		return err
	})
	if err != nil {
		return err
	}
	d.artifacts = append(d.artifacts, kept)
	return nil
}

// record is what is known of the head. Made again, it is the same.
func (w *Worker) record(ctx context.Context, m made, v autonoma.Verification) (evidence.Record, error) {
	r := evidence.Record{
		Run: m.run.ID, Source: evidence.Redact(m.run.Request.Source), Status: v.Status, Setup: m.run.Request.Setup,
		Commands: outcomes(v.Commands, m.baseline()), Tools: v.Tools, Isolation: v.Isolation, ProvenBy: v.ProvenBy, NotProven: v.NotProven, Executions: m.confined,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Server: w.Version, Gates: m.gates(), StartedAt: v.StartedAt, EndedAt: v.EndedAt,
	}
	if m.head != m.base && m.run.Delivery() != autonoma.DeliverPatch && len(m.observers) == 0 {
		r.Branch = branchOf(m.run.ID)
	}
	switch {
	case len(v.Commands) == 0:
	case len(m.run.Request.Verify) > 0:
		r.ChosenBy = evidence.ByRequest
	case len(m.baseline()) > 0:
		r.ChosenBy = evidence.ByBase
	default:
		r.ChosenBy = evidence.ByChange
	}
	for _, s := range []struct {
		state  *evidence.State
		commit string
	}{{&r.Base, m.base}, {&r.Head, m.head}} {
		tree, err := w.Workspaces.Tree(ctx, string(m.run.ID), s.commit)
		if err != nil {
			return r, err
		}
		*s.state = evidence.State{Commit: s.commit, Tree: tree}
	}
	return r, nil
}

// branchOf is the branch that a run delivers.
func branchOf(run autonoma.RunID) string { return "autonoma/" + string(run) }

// outcomes puts what commands came to on the head beside what they came to on the
// base, if they were run there.
func outcomes(head, base []autonoma.Checked) []evidence.Command {
	all := make([]evidence.Command, len(head))
	for i, c := range head {
		all[i] = evidence.Command{Command: c.Command, Head: evidence.OutcomeOf(c)}
		at := slices.IndexFunc(base, func(b autonoma.Checked) bool { return b.Command == c.Command })
		if at >= 0 {
			before := evidence.OutcomeOf(base[at])
			all[i].Base = &before
		}
	}
	return all
}

// baseline is what the checks came to on the base of the run.
func (m made) baseline() []autonoma.Checked {
	for _, e := range m.results {
		if len(e.Result.Baseline) > 0 {
			return e.Result.Baseline
		}
	}
	return nil
}
