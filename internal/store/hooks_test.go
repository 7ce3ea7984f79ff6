package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"autonoma"
	"autonoma/internal/store"
)

// subscribe stores a hook of a tenant.
func subscribe(t *testing.T, db *store.DB, owner autonoma.TenantID, types ...autonoma.HookType) autonoma.Hook {
	t.Helper()
	h := autonoma.Hook{ID: autonoma.NewHookID(), Tenant: owner, URL: "https://a.example", Events: types, CreatedAt: noon, UpdatedAt: noon}
	update(t, db, func(tx *store.Tx) error { return tx.PutHook(h) })
	return h
}

// become moves a run on, as a worker does.
func become(t *testing.T, db *store.DB, id autonoma.RunID, next autonoma.Status, at time.Time, adjust func(*autonoma.Run)) {
	t.Helper()
	update(t, db, func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		if adjust != nil {
			adjust(&run)
		}
		told, err := run.Become(next, "", nil, at)
		if err != nil {
			return err
		}
		return tx.SaveRun(run, told)
	})
}

// told returns the types of what a hook is to be told, in order, with ! at those
// that are due.
func told(t *testing.T, db *store.DB, owner autonoma.TenantID, hook autonoma.HookID) []string {
	t.Helper()
	rows, err := db.Writer().QueryContext(t.Context(), `
		SELECT type || iif(next_at IS NULL, '', '!') FROM deliveries WHERE tenant = ? AND hook = ? AND status = 'pending' ORDER BY number`, owner, hook)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types := []string{}
	for rows.Next() {
		var typ string
		if err := rows.Scan(&typ); err != nil {
			t.Fatal(err)
		}
		types = append(types, typ)
	}
	return types
}

// Who wants to be told is written down with what there is to tell: those who asked
// for it, each in order, and nobody else.
func TestAnnounce(t *testing.T) {
	db, owner := fresh(t)
	all := subscribe(t, db, owner, autonoma.AllHookTypes)
	some := subscribe(t, db, owner, "task.completed", "code.generated", "code.reviewed", "workflow.completed")
	end := subscribe(t, db, owner, "code.generated", "task.completed")
	foreign := subscribe(t, db, tenant(t, db, "other"), autonoma.AllHookTypes)
	off := subscribe(t, db, owner, autonoma.AllHookTypes)
	off.Disabled = autonoma.DisabledByOwner
	update(t, db, func(tx *store.Tx) error { return tx.PutHook(off) })

	run := submit(t, db, owner, noon, func(r *autonoma.Run) { r.Request.CallbackURL = "https://b.example" })
	become(t, db, run.ID, autonoma.InProgress, noon.Add(1*time.Second), nil)
	become(t, db, run.ID, autonoma.WaitingProvider, noon.Add(2*time.Second), nil)
	become(t, db, run.ID, autonoma.InProgress, noon.Add(3*time.Second), nil)
	update(t, db, func(tx *store.Tx) error {
		r, err := tx.Run(run.ID)
		verdict := autonoma.NewEvent(autonoma.EventResult, "", noon.Add(4*time.Second), autonoma.Result{Verdict: autonoma.Approve})
		document := autonoma.NewEvent(autonoma.EventResult, "", noon.Add(4*time.Second), autonoma.Result{})
		_, failed := tx.PutArtifact(autonoma.Artifact{ID: autonoma.NewArtifactID(), Run: r.ID, Name: "patch", Type: autonoma.PatchArtifact, Path: "a.patch", Size: 7, CreatedAt: noon})
		return errors.Join(err, failed, tx.SaveRun(r, document, verdict, event("no news for hooks")))
	})
	become(t, db, run.ID, autonoma.Completed, noon.Add(5*time.Second), func(r *autonoma.Run) {
		r.Output = &autonoma.Output{BaseCommit: "a", HeadCommit: "b"}
	})

	for _, tt := range []struct {
		who  string
		got  []string
		want []string
	}{
		{"who wants all", told(t, db, owner, all.ID), []string{
			"task.queued!", "task.started", "task.waiting_provider", "task.resumed", "code.reviewed", "task.completed", "code.generated"}},
		{"who wants some", told(t, db, owner, some.ID), []string{"code.reviewed!", "task.completed", "code.generated"}},
		{"who wants to know of the end", told(t, db, owner, end.ID), []string{"task.completed!", "code.generated"}},
		{"the callback", told(t, db, owner, ""), []string{"task.completed!"}},
		{"who is disabled", told(t, db, owner, off.ID), []string{}},
		{"a stranger", told(t, db, foreign.Tenant, foreign.ID), []string{}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s is told (-want +got):\n%s", tt.who, diff)
		}
	}
}

// What is told of a run is the run as it was, whatever becomes of it.
func TestSnapshot(t *testing.T) {
	db, owner := fresh(t)
	hook := subscribe(t, db, owner, "task.started", "task.completed")
	run := submit(t, db, owner, noon, nil)
	become(t, db, run.ID, autonoma.InProgress, noon, func(r *autonoma.Run) { r.Progress = 3 })
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.PutArtifact(autonoma.Artifact{ID: "art_1", Run: run.ID, Name: "patch", Type: autonoma.PatchArtifact, Path: "a.patch", Size: 7, CreatedAt: noon})
		return err
	})
	become(t, db, run.ID, autonoma.Completed, noon.Add(time.Hour), func(r *autonoma.Run) { r.Output = &autonoma.Output{Summary: "done"} })
	all, err := db.Deliveries(t.Context(), store.DeliveryFilter{Tenant: owner, Hook: hook.ID, Limit: 10})
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, want := range []struct {
		status    autonoma.Status
		progress  int
		artifacts []autonoma.Artifact
	}{
		{autonoma.Completed, 100, []autonoma.Artifact{{ID: "art_1", Name: "patch", Type: autonoma.PatchArtifact, Path: "a.patch", Size: 7}}},
		{autonoma.InProgress, 3, nil},
	} {
		got, err := db.Snapshot(t.Context(), all[i].ID)
		if err != nil || got.Run.Status != want.status || got.Run.Progress != want.progress || got.Run.ID != run.ID {
			t.Errorf("%s: %+v, %v", all[i].Type, got.Run, err)
		}
		if diff := cmp.Diff(want.artifacts, got.Artifacts, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", all[i].Type, diff)
		}
	}
}

// What a run is at a moment is kept once, however many are told of it, without the
// texts that its agents are asked, and no longer than what is told of it.
func TestSnapshotOnce(t *testing.T) {
	db, owner := fresh(t)
	first := subscribe(t, db, owner, autonoma.AllHookTypes)
	for range 9 {
		subscribe(t, db, owner, autonoma.AllHookTypes)
	}
	run := submit(t, db, owner, noon, nil)
	long := strings.Repeat("long ", 1000)
	var asked []autonoma.Approval
	update(t, db, func(tx *store.Tx) error {
		for i := range run.Steps {
			run.Steps[i].Asks, run.Steps[i].Asked = long, long
		}
		var told []autonoma.Event
		for range 2 {
			a, e := run.Ask(&run.Steps[0], 0, autonoma.MediumRisk, "why", nil, false, noon)
			if err := tx.InsertApproval(a); err != nil {
				return err
			}
			asked, told = append(asked, a), append(told, e)
		}
		return tx.SaveRun(run, told...)
	})
	update(t, db, func(tx *store.Tx) error {
		e, err := asked[1].Settle(autonoma.ApprovalApproved, &autonoma.Decision{Name: "ann", At: noon}, noon)
		if err != nil {
			return err
		}
		return errors.Join(tx.SaveApproval(asked[1]), tx.SaveRun(run, e))
	})
	var count, bytes int
	if err := db.Writer().QueryRowContext(t.Context(), `SELECT count(*), max(length(state)) FROM snapshots`).Scan(&count, &bytes); err != nil || count != 3 || bytes > 2000 {
		t.Errorf("%d snapshots of up to %d bytes, %v", count, bytes, err)
	}
	all, err := db.Deliveries(t.Context(), store.DeliveryFilter{Tenant: owner, Hook: first.ID, Limit: 10})
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	about := map[autonoma.ApprovalID][]string{}
	for _, d := range all {
		s, err := db.Snapshot(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		if s.Approval != nil {
			about[s.Approval.ID] = append(about[s.Approval.ID], fmt.Sprintf("%s %s %v", d.Type, s.Approval.Status, s.Approval.Decision != nil))
			slices.Sort(about[s.Approval.ID])
		}
	}
	if diff := cmp.Diff(map[autonoma.ApprovalID][]string{
		asked[0].ID: {"approval.pending pending false"},
		asked[1].ID: {"approval.approved approved true", "approval.pending pending false"},
	}, about); diff != "" {
		t.Errorf("what is told of the questions (-want +got):\n%s", diff)
	}
	if _, err := db.Writer().ExecContext(t.Context(), `UPDATE deliveries SET status = 'dead'`); err != nil {
		t.Fatal(err)
	}
	if err := db.ForgetDeliveries(t.Context(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM snapshots`).Scan(&count); err != nil || count != 0 {
		t.Errorf("%d snapshots are left, %v", count, err)
	}
}

// What was kept by this version is read by those to come: fields may be added to the
// nouns, not renamed.
func TestSnapshotsStayReadable(t *testing.T) {
	db, owner := fresh(t)
	const state = `{"ID":"task_a1b2c3d4e5f6","Tenant":"ten_a1b2c3d4e5f6","Kind":"task","Request":{"task":"do it","capabilities":["BUILD"],
		"intelligence":"core","scope":"mvp","priority":"normal","delivery":"branch","callbackUrl":"https://a.example"},
		"Status":"failed","StatusDetail":"why","Steps":[{"id":"code","agent":"coder-ai","pace":null,"status":"failed","progress":3,"round":1}],
		"Progress":7,"Usage":{"inputTokens":1,"outputTokens":2,"cachedTokens":3,"costUsd":4,"modelCalls":5,"toolCalls":6},
		"Output":{"summary":"done","branch":"b","baseCommit":"x","headCommit":"y","pullRequestUrl":null,"filesChanged":1,"insertions":2,
		"deletions":3,"confidence":0.5,"verification":{"status":"failed","commands":[],"evidenceUrl":null}},
		"Error":{"code":"internal","message":"oh","retryable":true},"Expected":60000000000,
		"CreatedAt":"2026-02-23T12:00:00.123456Z","StartedAt":"2026-02-23T12:00:01Z","CompletedAt":"0001-01-01T00:00:00Z"}`
	update(t, db, func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `
			INSERT INTO snapshots VALUES ('s', 0, ?2, '[{"id":"art_1","name":"patch","type":"patch","path":"a.patch","size":7}]');
			INSERT INTO deliveries (id, hook, tenant, run, type, at, status, until, snapshot)
			VALUES ('dlv_1', '', ?1, 'task_a1b2c3d4e5f6', 'task.failed', 0, 'dead', 0, 's')`,
			owner, state)
		return err
	})
	got, err := db.Snapshot(t.Context(), "dlv_1")
	if err != nil {
		t.Fatal(err)
	}
	branch := "b"
	want := store.Snapshot{
		Run: autonoma.Run{
			ID: "task_a1b2c3d4e5f6", Tenant: "ten_a1b2c3d4e5f6", Kind: autonoma.KindTask,
			Request: autonoma.Request{
				Task: "do it", Capabilities: []autonoma.Capability{autonoma.Build}, Intelligence: autonoma.Core, Scope: autonoma.MVP,
				Priority: autonoma.Normal, Delivery: autonoma.DeliverBranch, CallbackURL: "https://a.example",
			},
			Status: autonoma.Failed, StatusDetail: "why", Progress: 7, Expected: time.Minute,
			Steps: []autonoma.Step{{ID: "code", Agent: "coder-ai", Status: autonoma.StepFailed, Progress: 3, Round: 1}},
			Usage: autonoma.Usage{InputTokens: 1, OutputTokens: 2, CachedTokens: 3, CostUSD: 4, ModelCalls: 5, ToolCalls: 6},
			Output: &autonoma.Output{
				Summary: "done", Branch: &branch, BaseCommit: "x", HeadCommit: "y", FilesChanged: 1, Insertions: 2, Deletions: 3, Confidence: 0.5,
				Verification: autonoma.Verification{Status: autonoma.NotVerified, Commands: []autonoma.Checked{}},
			},
			Error:     &autonoma.Failure{Code: autonoma.FailInternal, Message: "oh", Retryable: true},
			CreatedAt: noon, StartedAt: noon.Truncate(time.Second).Add(time.Second),
		},
		Artifacts: []autonoma.Artifact{{ID: "art_1", Name: "patch", Type: autonoma.PatchArtifact, Path: "a.patch", Size: 7}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Deliveries of one run to one hook are due one after the other, those of others
// meanwhile; and a hook that is disabled has none left.
func TestDeliveriesInOrder(t *testing.T) {
	db, owner := fresh(t)
	hook := subscribe(t, db, owner, autonoma.AllHookTypes)
	first, second := submit(t, db, owner, noon, nil), submit(t, db, owner, noon.Add(time.Second), nil)
	become(t, db, first.ID, autonoma.Cancelled, noon.Add(2*time.Second), nil)
	due := func(at time.Time, want ...string) []autonoma.HookDelivery {
		t.Helper()
		all, err := db.Due(t.Context(), at, nil, nil, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range all {
			got = append(got, map[autonoma.RunID]string{first.ID: "1 ", second.ID: "2 "}[d.Run]+string(d.Type))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("due (-want +got):\n%s", diff)
		}
		return all
	}
	save := func(d autonoma.HookDelivery, a autonoma.Attempt) {
		t.Helper()
		d.Attempted(a, 0.5)
		update(t, db, func(tx *store.Tx) error { return tx.SaveDelivery(d) })
	}
	later := noon.Add(time.Minute)
	all := due(later, "1 task.queued", "2 task.queued")
	save(all[0], autonoma.Attempt{At: later, Problem: "refused"})
	due(later, "2 task.queued")
	if at, err := db.NextDue(t.Context(), later); err != nil || !at.Equal(later.Add(10*time.Second)) {
		t.Errorf("the next is due at %v: %v", at, err)
	}
	all = due(later.Add(time.Minute), "2 task.queued", "1 task.queued")
	save(all[1], autonoma.Attempt{At: later, Status: 204})
	all = due(later, "2 task.queued", "1 task.cancelled")
	if none, err := db.Due(t.Context(), later, []autonoma.DeliveryID{all[0].ID}, nil, 10); err != nil || len(none) != 1 {
		t.Errorf("but for one: %v, %v", none, err)
	}
	if none, err := db.Due(t.Context(), later, nil, []string{string(hook.ID)}, 10); err != nil || len(none) != 0 {
		t.Errorf("but for the hook's: %v, %v", none, err)
	}
	update(t, db, func(tx *store.Tx) error { return tx.AbandonDeliveries(hook.ID) })
	due(later.Add(48 * time.Hour))
	again := all[0]
	again.Again(later)
	update(t, db, func(tx *store.Tx) error { return tx.RequeueDelivery(again) })
	due(later, "2 task.queued")
	// What is made again comes after what is under way, and that before what is new.
	become(t, db, second.ID, autonoma.Cancelled, later, nil)
	save(again, autonoma.Attempt{At: later, Status: 200})
	again.Again(later)
	update(t, db, func(tx *store.Tx) error { return tx.RequeueDelivery(again) })
	all = due(later, "2 task.cancelled")
	save(all[0], autonoma.Attempt{At: later, Status: 200})
	due(later, "2 task.queued")
	if err := db.ForgetDeliveries(t.Context(), later.Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	// Those that are over are forgotten.
	if left, err := db.Deliveries(t.Context(), store.DeliveryFilter{Tenant: owner, Hook: hook.ID, Limit: 10}); err != nil || len(left) != 1 {
		t.Errorf("%d are left: %v", len(left), err)
	}
}
