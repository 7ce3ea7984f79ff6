package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"autonoma"
	"autonoma/internal/store"
)

// ask stores a question of a run.
func ask(t *testing.T, db *store.DB, run autonoma.Run, at time.Time) autonoma.Approval {
	t.Helper()
	a, told := run.Ask(&run.Steps[0], 0, autonoma.HighRisk, "It is the rule.", []byte(`{"asks":"x"}`), true, at)
	update(t, db, func(tx *store.Tx) error { return errors.Join(tx.InsertApproval(a), tx.SaveRun(run, told)) })
	return a
}

func settle(t *testing.T, db *store.DB, a autonoma.Approval, next autonoma.ApprovalStatus, by *autonoma.Decision) autonoma.Approval {
	t.Helper()
	if _, err := a.Settle(next, by, noon); err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *store.Tx) error { return tx.SaveApproval(a) })
	return a
}

// An approval comes back as it was stored, before and after it was settled.
func TestApproval(t *testing.T) {
	db, owner := fresh(t)
	a := ask(t, db, submit(t, db, owner, noon, nil), noon)
	for range 2 {
		got, err := db.Approval(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, got); diff != "" {
			t.Errorf("-stored +read:\n%s", diff)
		}
		if a.Status == autonoma.ApprovalPending {
			a = settle(t, db, a, autonoma.ApprovalRejected, &autonoma.Decision{Key: "key_1", Name: "ann", At: noon, Why: "no"})
		}
	}
	if _, err := db.Approval(t.Context(), "appr_000000000000"); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
}

// Questions are found by their owner and status, page by page, and by their deadline
// as long as they wait.
func TestApprovals(t *testing.T) {
	db, owner := fresh(t)
	other := submit(t, db, tenant(t, db, "other"), noon, nil)
	foreign := ask(t, db, other, noon.Add(-time.Hour))
	run := submit(t, db, owner, noon, nil)
	var all []autonoma.Approval
	for i := range 4 {
		all = append(all, ask(t, db, run, noon.Add(time.Duration(i)*time.Minute)))
	}
	settle(t, db, all[0], autonoma.ApprovalApproved, nil)
	ids := func(list []autonoma.Approval, err error) []autonoma.ApprovalID {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var ids []autonoma.ApprovalID
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		return ids
	}
	ctx := t.Context()
	page := ids(db.Approvals(ctx, store.ApprovalFilter{Tenant: owner, Status: autonoma.ApprovalPending, Limit: 2}))
	rest := ids(db.Approvals(ctx, store.ApprovalFilter{
		Tenant: owner, Status: autonoma.ApprovalPending, Limit: 2, Before: store.Cursor{At: all[2].CreatedAt, ID: string(all[2].ID)},
	}))
	if !slices.Equal(page, []autonoma.ApprovalID{all[3].ID, all[2].ID}) || !slices.Equal(rest, []autonoma.ApprovalID{all[1].ID}) {
		t.Errorf("pages %v and %v", page, rest)
	}
	if got := ids(db.PendingApprovals(ctx, run.ID)); !slices.Equal(got, []autonoma.ApprovalID{all[1].ID, all[2].ID, all[3].ID}) {
		t.Errorf("pending are %v", got)
	}
	if next, err := db.NextDeadline(ctx); err != nil || !next.Equal(foreign.Deadline) {
		t.Errorf("the next deadline is %v: %v", next, err)
	}
	if got := ids(db.OverdueApprovals(ctx, all[1].Deadline, 10)); !slices.Equal(got, []autonoma.ApprovalID{foreign.ID, all[1].ID}) {
		t.Errorf("overdue are %v", got)
	}
}

// An execution is over when it ended, was called off, or its run is.
func TestOver(t *testing.T) {
	db, owner := fresh(t)
	_, goes, _ := begin(t, db, owner)
	_, off, _ := begin(t, db, owner)
	run, ended, _ := begin(t, db, owner)
	told, err := run.Become(autonoma.Failed, "", nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *store.Tx) error { return errors.Join(tx.CancelExecution(off.ID, noon), tx.SaveRun(run, told)) })
	over, err := db.Over(t.Context(), []autonoma.ExecutionID{goes.ID, off.ID, ended.ID, "exec_000000000000"})
	slices.Sort(over)
	want := []autonoma.ExecutionID{off.ID, ended.ID}
	slices.Sort(want)
	if err != nil || !slices.Equal(over, want) {
		t.Errorf("over are %v, want %v: %v", over, want, err)
	}
}
