package httpapi_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/store"
)

// remember keeps something of a source for the tenant of a key, as a run would.
func (k *kit) remember(key string, what autonoma.Knowledge) autonoma.KnowledgeID {
	k.t.Helper()
	what.ID, what.Tenant = autonoma.NewKnowledgeID(), must(k.cfg.Who(k.t.Context(), key))(k.t).Tenant
	if what.Name == "" {
		what.Name = string(what.ID)
	}
	if what.CreatedAt.IsZero() {
		what.CreatedAt = time.Now()
	}
	what.UpdatedAt = what.CreatedAt
	if err := k.db.Update(k.t.Context(), func(tx *store.Tx) error { return tx.Remember(what) }); err != nil {
		k.t.Fatal(err)
	}
	return what.ID
}

// A note is written down, shown, corrected and forgotten.
func TestNotes(t *testing.T) {
	k := newKit(t)
	c, ctx := k.client(k.ann), t.Context()
	secret := "AKIA" + "QYLPMN5HHHFPZAM2"
	made := must(c.CreateNote(ctx, api.CreateNote{Source: "/repo", Text: " Use make gen; the key is " + secret + ". ", Paths: []string{"api/a.yaml"}}))(t)
	if made.Kind != autonoma.Note || made.Type != autonoma.ObservedPattern || made.Confidence != 1 || made.Relevance != 0.5 || made.EditedBy == nil || made.RunID != nil ||
		!slices.Equal(made.Paths, []string{"api/a.yaml"}) || !strings.HasPrefix(made.Text, "Use make gen") || strings.Contains(made.Text, secret) {
		t.Errorf("%+v", made)
	}
	if got := must(c.Knowledge(ctx, made.ID))(t); got.Text != made.Text || got.LastUsedAt != nil {
		t.Errorf("%+v", got)
	}
	changed := must(c.ChangeKnowledge(ctx, made.ID, api.ChangeKnowledge{Confidence: new(0.0)}))(t)
	if changed.Confidence != 0 || changed.Relevance != 0 || changed.Text != made.Text {
		t.Errorf("%+v", changed)
	}
	if changed = must(c.ChangeKnowledge(ctx, made.ID, api.ChangeKnowledge{Text: new("Another.")}))(t); changed.Text != "Another." || changed.Confidence != 0 {
		t.Errorf("%+v", changed)
	}
	if err := c.DeleteKnowledge(ctx, made.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Knowledge(ctx, made.ID); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("what was forgotten: %v", err)
	}
	if err := c.DeleteKnowledge(ctx, made.ID); !errors.Is(err, autonoma.ErrNotFound) {
		t.Errorf("forgotten twice: %v", err)
	}
}

// What runs were taught is corrected by people and not by runs, and what people forget
// does not come back.
func TestPeopleHaveTheLastWord(t *testing.T) {
	k := newKit(t)
	c, ctx := k.client(k.ann), t.Context()
	found := autonoma.Knowledge{Source: "/repo", Kind: autonoma.HotSpot, Name: "a", Type: autonoma.ObservedPattern, Text: "a changes.", Confidence: 0.3, Origin: "task_a1b2c3d4e5f6"}
	id := k.remember(k.ann, found)
	if shown := must(c.Knowledge(ctx, id))(t); shown.EditedBy != nil || *shown.RunID != found.Origin {
		t.Errorf("%+v", shown)
	}
	must(c.ChangeKnowledge(ctx, id, api.ChangeKnowledge{Text: new("a changes, and should.")}))(t)
	found.Text, found.Confidence = "a changes more.", 0.9
	k.remember(k.ann, found)
	if got := must(c.Knowledge(ctx, id))(t); got.Text != "a changes, and should." || got.Confidence != 0.3 || got.EditedBy == nil {
		t.Errorf("%+v", got)
	}
	if err := c.DeleteKnowledge(ctx, id); err != nil {
		t.Fatal(err)
	}
	k.remember(k.ann, found)
	for got := range c.AllKnowledge(ctx, "", "") {
		t.Errorf("it came back: %+v", got)
	}
	id = k.remember(k.bob, found) // ann's word is not bob's
	must(k.client(k.bob).Knowledge(ctx, id))(t)
}

// The list is one's own, by source and kind, and comes page by page.
func TestListKnowledge(t *testing.T) {
	k := newKit(t)
	var all []autonoma.KnowledgeID
	for i := range 105 {
		what := autonoma.Knowledge{Source: "/repo", Kind: autonoma.HotSpot, Type: autonoma.ObservedPattern, Text: fmt.Sprint(i)}
		if i == 50 {
			what.Kind = autonoma.Coupling
		}
		if i == 51 {
			what.Source = "/other"
		}
		what.CreatedAt = time.Unix(1_700_000_000+int64(i/2), 0)
		all = append(all, k.remember(k.ann, what))
	}
	for _, tt := range []struct {
		source string
		kind   autonoma.KnowledgeKind
		want   int
	}{{"", "", 105}, {"/repo", "", 104}, {"/other", "", 1}, {"", autonoma.HotSpot, 104}, {"/repo", autonoma.Coupling, 1}, {"/other", autonoma.Coupling, 0}, {"/nowhere", "", 0}} {
		var got []autonoma.KnowledgeID
		for what, err := range k.client(k.ann).AllKnowledge(t.Context(), tt.source, tt.kind) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, what.ID)
		}
		if len(got) != tt.want {
			t.Errorf("%q %q: %d, want %d", tt.source, tt.kind, len(got), tt.want)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(got))); len(unique) != len(got) || len(got) > 0 && !slices.Contains(all, got[0]) {
			t.Errorf("%q %q: some come twice", tt.source, tt.kind)
		}
	}
	for what := range k.client(k.bob).AllKnowledge(t.Context(), "/repo", "") {
		t.Errorf("bob sees ann's %+v", what)
	}
}

// What cannot be asked for, or not by everybody.
func TestKnowledgeRefused(t *testing.T) {
	k := newKit(t)
	path := "/v1/knowledge/" + string(k.remember(k.ann, autonoma.Knowledge{Source: "/repo", Kind: autonoma.HotSpot, Type: autonoma.ObservedPattern, Text: "x"}))
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{k.bob, "GET", path, "", 404, ""},
		{k.bob, "PATCH", path, `{"confidence": 1}`, 404, ""},
		{k.bob, "DELETE", path, "", 404, ""},
		{k.reader, "GET", path, "", 200, ""},
		{k.reader, "PATCH", path, `{"confidence": 1}`, 403, "write"},
		{k.reader, "DELETE", path, "", 403, "write"},
		{k.reader, "POST", "/v1/knowledge", `{"source": "/repo", "text": "x"}`, 403, "write"},
		{k.ann, "GET", "/v1/knowledge/nonsense", "", 404, ""},
		{k.ann, "GET", "/v1/knowledge?kind=hunch", "", 422, "kind"},
		{k.ann, "GET", "/v1/knowledge?cursor=x", "", 422, "cursor"},
		{k.ann, "PATCH", path, `{"text": ""}`, 422, "text"},
		{k.ann, "PATCH", path, `{"confidence": 1.1}`, 422, "confidence"},
		{k.ann, "PATCH", path, `{"kind": "note"}`, 422, "kind"},
		{k.ann, "POST", "/v1/knowledge", `{}`, 422, "source"},
		{k.ann, "POST", "/v1/knowledge", `{"source": "/repo", "text": "two\nlines"}`, 422, "one line"},
		{k.ann, "POST", "/v1/knowledge", fmt.Sprintf(`{"source": "/repo", "text": %q}`, strings.Repeat("x", 501)), 422, "500"},
		{k.ann, "POST", "/v1/knowledge", `{"source": "/repo", "text": "x", "paths": ["../x"]}`, 422, "paths[0]"},
		{k.ann, "POST", "/v1/knowledge", `{"source": "/repo", "text": "x", "type": "hunch"}`, 422, "type"},
	} {
		r := k.do(tt.key, tt.method, tt.path, tt.body)
		if r.StatusCode != tt.status || !strings.Contains(string(r.body), tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, r.StatusCode, r.body)
		}
	}
	if got := must(k.client(k.ann).Knowledge(t.Context(), autonoma.KnowledgeID(path[len("/v1/knowledge/"):])))(t); got.Text != "x" || got.Confidence != 0 {
		t.Errorf("%+v", got)
	}
}

// There are so many notes of one tenant and no more; of another there are some still.
func TestManyNotes(t *testing.T) {
	k := newKit(t)
	for range autonoma.MaxNotes {
		k.remember(k.ann, autonoma.Knowledge{Source: "/repo", Kind: autonoma.Note, Type: autonoma.ObservedPattern, Text: "x"})
	}
	if _, err := k.client(k.ann).CreateNote(t.Context(), api.CreateNote{Source: "/repo", Text: "x"}); !errors.Is(err, autonoma.ErrConflict) {
		t.Errorf("one note more: %v", err)
	}
	must(k.client(k.bob).CreateNote(t.Context(), api.CreateNote{Source: "/repo", Text: "x"}))(t)
}
