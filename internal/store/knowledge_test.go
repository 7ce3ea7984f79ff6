package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/store"
)

// Of what runs teach about one source so much is kept: the oldest makes room, but not
// what a person wrote, nor what is known of another source.
func TestOutcomesMakeRoom(t *testing.T) {
	db, tenant := fresh(t)
	remember := func(source, name, text string, at int64) {
		t.Helper()
		k := autonoma.Knowledge{
			ID: autonoma.NewKnowledgeID(), Tenant: tenant, Source: source, Kind: autonoma.RunOutcome, Name: name, Type: autonoma.AntiPattern, Text: text,
			CreatedAt: time.Unix(at, 0), UpdatedAt: time.Unix(at, 0),
		}
		update(t, db, func(tx *store.Tx) error { return tx.Remember(k) })
	}
	of := func(source string) map[string]autonoma.Knowledge {
		t.Helper()
		all, err := db.Knowledge(t.Context(), store.KnowledgeFilter{Tenant: tenant, Source: source, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]autonoma.Knowledge{}
		for _, k := range all {
			found[k.Name] = k
		}
		return found
	}
	remember("/other", "0", "old", 0)
	remember("/repo", "edited", "old", 0)
	edited := of("/repo")["edited"]
	edited.EditedBy, edited.Text = "key_1", "mine"
	update(t, db, func(tx *store.Tx) error { return tx.EditKnowledge(edited) })
	for i := range 130 {
		remember("/repo", fmt.Sprint(i), "new", int64(1+i))
	}
	remember("/repo", "30", "once more", 1000)
	got := of("/repo")
	if len(got) != 101 || got["edited"].Text != "mine" || got["29"].ID != "" || got["31"].ID == "" || got["30"].Text != "once more" || len(of("/other")) != 1 {
		t.Errorf("%d are kept: %+v, %+v, %+v", len(got), got["edited"], got["29"], got["30"])
	}
}

// That a run was told something counts once, however many of its steps were told it, and
// so does whether its result held. What was forgotten meanwhile is passed over.
func TestTold(t *testing.T) {
	db, tenant := fresh(t)
	at := time.Unix(1_700_000_000, 0).UTC()
	var all []autonoma.Knowledge
	for _, name := range []string{"a", "b", "gone"} {
		k := autonoma.Knowledge{
			ID: autonoma.NewKnowledgeID(), Tenant: tenant, Source: "/repo", Kind: autonoma.Note, Name: name, Type: autonoma.ObservedPattern, Text: name, CreatedAt: at, UpdatedAt: at,
		}
		all = append(all, k)
		update(t, db, func(tx *store.Tx) error { return tx.Remember(k) })
	}
	update(t, db, func(tx *store.Tx) error { return tx.Forget(all[2]) })
	for _, told := range []struct {
		run  autonoma.RunID
		what []autonoma.Knowledge
	}{{"task_1", all[:1]}, {"task_1", all}, {"task_2", all[:1]}, {"task_3", all[:1]}} {
		update(t, db, func(tx *store.Tx) error { return tx.Tell(told.run, told.what, at) })
	}
	for range 2 {
		update(t, db, func(tx *store.Tx) error { return tx.Judge("task_1", true, true) })
		update(t, db, func(tx *store.Tx) error { return tx.Judge("task_2", false, true) })
		update(t, db, func(tx *store.Tx) error { return tx.Judge("task_3", false, false) })
	}
	for i, want := range []autonoma.Knowledge{{Uses: 3, Successes: 1, Failures: 1}, {Uses: 1, Successes: 1}} {
		k, err := db.KnowledgeOf(t.Context(), all[i].ID)
		if err != nil || k.Uses != want.Uses || k.Successes != want.Successes || k.Failures != want.Failures || !k.UsedAt.Equal(at) {
			t.Errorf("%+v, %v", k, err)
		}
	}
	if _, err := db.KnowledgeOf(t.Context(), all[2].ID); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("what was forgotten: %v", err)
	}
}
