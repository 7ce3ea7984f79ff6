package httpapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

const aTask = `{"task": "do it", "capabilities": ["BUILD"]}`

// A request that is sent again with its key is answered as before, and makes
// nothing new.
func TestIdempotency(t *testing.T) {
	k := newKit(t)
	first := k.do(k.ann, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "one")
	if first.StatusCode != 202 || first.Header.Get("Idempotent-Replayed") != "" {
		t.Fatalf("%d %v %s", first.StatusCode, first.Header, first.body)
	}
	again := k.do(k.ann, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "one")
	if again.StatusCode != 202 || !bytes.Equal(again.body, first.body) || again.Header.Get("Location") != first.Header.Get("Location") || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %v\n%s\n%s", again.StatusCode, again.Header, again.body, first.body)
	}
	for _, other := range []struct {
		name, key, path, body, once string
		status                      int
	}{
		{"another body", k.ann, "/v1/agents/tasks", `{"task": "do that", "capabilities": ["BUILD"]}`, "one", 409},
		{"a key that may do less", k.reader, "/v1/agents/tasks", aTask, "one", 403},
		{"another tenant", k.bob, "/v1/agents/tasks", aTask, "one", 202},
		{"another name", k.ann, "/v1/agents/tasks", aTask, "two", 202},
		{"no name", k.ann, "/v1/agents/tasks", aTask, "", 202},
		{"another path", k.bob, "/v1/admin/keys", `{"name": "x"}`, "one", 409},
		{"a long name", k.ann, "/v1/agents/tasks", aTask, strings.Repeat("x", 256), 422},
		{"an odd name", k.ann, "/v1/agents/tasks", aTask, "a b", 422},
	} {
		r := k.do(other.key, "POST", other.path, other.body, "Idempotency-Key", other.once)
		if r.StatusCode != other.status || r.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: %d %s", other.name, r.StatusCode, r.body)
		}
	}
	if n := len(must(k.db.Runs(t.Context(), runsOf(k)))(t)); n != 3 {
		t.Errorf("ann has %d tasks", n)
	}
	// It is the tenant's request, whichever of its keys is used.
	second := must(service.NewKeys(k.db).Create(t.Context(), "ann", autonoma.Startup, autonoma.KeyScopes))(t)
	if r := k.do(second, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "one"); !bytes.Equal(r.body, first.body) || r.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("with another key: %d %s", r.StatusCode, r.body)
	}
	// What was refused was not answered: mended, it is done.
	k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "do it"}`, "Idempotency-Key", "three")
	if r := k.do(k.ann, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "three"); r.StatusCode != 202 {
		t.Errorf("after a mistake: %d %s", r.StatusCode, r.body)
	}
}

// However many send the same request at once, one thing is made, and all are told
// of it.
func TestIdempotencyAtOnce(t *testing.T) {
	k := newKit(t)
	var all sync.WaitGroup
	answers := make([]reply, 16)
	for i := range answers {
		all.Go(func() {
			answers[i] = k.do(k.ann, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "one")
		})
	}
	all.Wait()
	for _, r := range answers {
		if r.StatusCode != 202 || !bytes.Equal(r.body, answers[0].body) {
			t.Errorf("%d %s", r.StatusCode, r.body)
		}
	}
	if n := len(must(k.db.Runs(t.Context(), runsOf(k)))(t)); n != 1 {
		t.Errorf("%d tasks", n)
	}
}

// An answer is kept for a day.
func TestIdempotencyEnds(t *testing.T) {
	k, c := newParts(t), new(clock)
	c.set(anHour)
	k.cfg.Receipts = service.NewReceipts(k.db, k.secrets, c.now)
	k.serve()
	send := func() api.CreatedTask {
		var made api.CreatedTask
		r := k.do(k.ann, "POST", "/v1/agents/tasks", aTask, "Idempotency-Key", "one")
		if err := json.Unmarshal(r.body, &made); err != nil {
			t.Fatal(err)
		}
		return made
	}
	first := send()
	c.pass(24*time.Hour - time.Second)
	if again := send(); again.TaskID != first.TaskID {
		t.Error("it was forgotten within the day")
	}
	c.pass(time.Second)
	if later := send(); later.TaskID == first.TaskID {
		t.Error("it was remembered for more than a day")
	}
	var kept int
	if err := k.db.Update(t.Context(), func(tx *store.Tx) error {
		return tx.SQL().QueryRowContext(t.Context(), `SELECT count(*) FROM answers`).Scan(&kept)
	}); err != nil || kept != 1 {
		t.Errorf("%d are kept: %v", kept, err)
	}
}

// A new key is told again to who asks again, and yet its secret is nowhere on disk.
func TestIdempotentSecret(t *testing.T) {
	k := newKit(t)
	send := func(once string) (key api.KeyWithSecret) {
		r := k.do(k.bob, "POST", "/v1/admin/keys", `{"name": "ci"}`, "Idempotency-Key", once)
		if err := json.Unmarshal(r.body, &key); err != nil || r.StatusCode != 201 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
		return key
	}
	first, again := send("guess-me"), send("guess-me")
	if again.Secret != first.Secret || first.Secret == "" {
		t.Errorf("%q and then %q", first.Secret, again.Secret)
	}
	if r := k.do(again.Secret, "GET", "/v1/info", ""); r.StatusCode != 200 {
		t.Errorf("it is good for %d", r.StatusCode)
	}
	secret := []byte(first.Secret[len("aut_000000000000_"):][:30])
	files, err := filepath.Glob(filepath.Join(k.dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, secret) {
			t.Errorf("it stands in %s", f)
		}
	}
}
