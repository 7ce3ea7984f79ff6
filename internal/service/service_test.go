package service_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/blob"
	"autonoma/internal/catalog"
	"autonoma/internal/event"
	"autonoma/internal/queue"
	"autonoma/internal/service"
	"autonoma/internal/store"
	"autonoma/internal/store/storetest"
)

// An office is the services on a database of their own. Nobody works there.
type office struct {
	db     *store.DB
	keys   *service.Keys
	tasks  *service.Tasks
	agents *service.Agents
	cfg    service.Config
}

func open(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	db := storetest.Open(t, filepath.Join(dir, "a.db"))
	q, err := queue.Open(t.Context(), db, 0, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	known, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files})
	if err != nil {
		t.Fatal(err)
	}
	cfg := service.Config{
		DB: db, Queue: q, Log: event.NewLog(db, time.Second), Blobs: blobs, Rules: service.Rules{Catalog: known},
		Ready:  func(autonoma.Request) error { return nil },
		Source: func(context.Context, autonoma.Request) error { return nil },
	}
	return &office{db: db, keys: service.NewKeys(db), tasks: service.NewTasks(cfg), agents: service.NewAgents(cfg), cfg: cfg}
}

// holder makes a key for a tenant, and returns who holds it.
func (o *office) holder(t *testing.T, tenant string, scopes ...autonoma.KeyScope) (autonoma.Actor, string) {
	t.Helper()
	key, err := o.keys.Create(t.Context(), tenant, autonoma.Startup, scopes)
	if err != nil {
		t.Fatal(err)
	}
	who, err := o.keys.Who(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return who, key
}

func build() autonoma.Request {
	return autonoma.Request{Task: "do it", Capabilities: []autonoma.Capability{autonoma.Build}}
}

// A key tells who holds it; one that is mistyped is told from one that is not known.
func TestKeys(t *testing.T) {
	o := open(t)
	who, key := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	if !regexp.MustCompile(`^aut_[0-9a-f]{12}_[0-9A-Za-z]{36}$`).MatchString(key) {
		t.Errorf("the key is %q", key)
	}
	if who.Plan != autonoma.Startup || !who.May(autonoma.ScopeWrite) || who.May(autonoma.ScopeAdmin) || "key_"+key[4:16] != string(who.Key) {
		t.Errorf("it is held by %+v", who)
	}
	_, foreign := open(t).holder(t, "other", autonoma.ScopeRead)
	typo := func(at int) string {
		c := "A"
		if key[at] == 'A' {
			c = "B"
		}
		return key[:at] + c + key[at+1:]
	}
	for _, tt := range []struct{ name, key, says string }{
		{"none", "", "Authorization: Bearer"},
		{"a word", "secret", "mistyped or cut off"},
		{"cut off", key[:len(key)-1], "mistyped or cut off"},
		{"a typing error in the secret", typo(20), "mistyped or cut off"},
		{"a typing error in the checksum", typo(len(key) - 1), "mistyped or cut off"},
		{"blanks around it", " " + key, "mistyped or cut off"},
		{"of another installation", foreign, "not known here"},
		{"the secret of another key", key[:17] + foreign[17:], "not known here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := o.keys.Who(t.Context(), tt.key)
			if !errors.Is(err, autonoma.ErrUnauthenticated) || !strings.Contains(err.Error(), tt.says) || got.Tenant != "" {
				t.Errorf("%+v, %v", got, err)
			}
			if tt.key != "" && strings.Contains(err.Error(), tt.key) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
	if _, err := o.db.Writer().ExecContext(t.Context(), `UPDATE keys SET revoked_at = 1 WHERE id = ?`, who.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := o.keys.Who(t.Context(), key); !errors.Is(err, autonoma.ErrUnauthenticated) || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("revoked: %v", err)
	}
}

// The database does not hold what a key is made of.
func TestKeysAreSecret(t *testing.T) {
	o := open(t)
	_, key := o.holder(t, "owner", autonoma.ScopeRead)
	var held string
	err := o.db.Writer().QueryRowContext(t.Context(),
		`SELECT id || tenant || name || scopes || hex(digest) || digest FROM keys`).Scan(&held)
	if err != nil || strings.Contains(held, key[17:47]) {
		t.Errorf("%v: %q", err, held)
	}
}

// A tenant has one plan, and any number of keys.
func TestCreateKey(t *testing.T) {
	o := open(t)
	if none, err := o.keys.None(t.Context()); !none || err != nil {
		t.Errorf("there is a key: %v", err)
	}
	first, _ := o.holder(t, "owner", autonoma.ScopeRead)
	second, _ := o.holder(t, "owner", autonoma.ScopeAdmin)
	if first.Tenant != second.Tenant || first.Key == second.Key {
		t.Errorf("%+v and %+v", first, second)
	}
	if none, err := o.keys.None(t.Context()); none || err != nil {
		t.Errorf("there is no key: %v", err)
	}
	read := []autonoma.KeyScope{autonoma.ScopeRead}
	for _, tt := range []struct {
		name, tenant string
		plan         autonoma.PlanName
		scopes       []autonoma.KeyScope
		want         error
	}{
		{"another plan", "owner", autonoma.Scale, read, autonoma.ErrConflict},
		{"no name", " ", autonoma.Scale, read, autonoma.ErrInvalid},
		{"a long name", strings.Repeat("x", 101), autonoma.Scale, read, autonoma.ErrInvalid},
		{"no such plan", "new", "gold", read, autonoma.ErrInvalid},
		{"no such scope", "new", autonoma.Scale, []autonoma.KeyScope{"root"}, autonoma.ErrInvalid},
		{"no scope", "new", autonoma.Scale, nil, autonoma.ErrInvalid},
	} {
		if key, err := o.keys.Create(t.Context(), tt.tenant, tt.plan, tt.scopes); !errors.Is(err, tt.want) || key != "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// What belongs to another tenant is not there, whatever is asked of it; and a key
// may do what its scopes say.
func TestWhoMay(t *testing.T) {
	o := open(t)
	owner, _ := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	stranger, _ := o.holder(t, "stranger", autonoma.KeyScopes...)
	reader, _ := o.holder(t, "owner", autonoma.ScopeRead)
	writer, _ := o.holder(t, "owner", autonoma.ScopeWrite)
	run, err := o.tasks.Submit(t.Context(), owner, build())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	reads := map[string]func(by autonoma.Actor) error{
		"get":       func(by autonoma.Actor) error { _, err := o.tasks.Get(ctx, by, run.ID); return err },
		"task":      func(by autonoma.Actor) error { _, err := o.tasks.Task(ctx, by, run.ID); return err },
		"events":    func(by autonoma.Actor) error { _, err := o.tasks.Events(ctx, by, run.ID, 0, 1); return err },
		"follow":    func(by autonoma.Actor) error { _, err := o.tasks.Follow(ctx, by, run.ID, 0, 1); return err },
		"artifacts": func(by autonoma.Actor) error { _, err := o.tasks.Artifacts(ctx, by, run.ID); return err },
	}
	for name, ask := range reads {
		for _, tt := range []struct {
			who  string
			by   autonoma.Actor
			want error
		}{
			{"the owner", owner, nil}, {"a reader", reader, nil},
			{"a stranger", stranger, autonoma.ErrNotFound}, {"a writer", writer, autonoma.ErrForbidden},
		} {
			if err := ask(tt.by); !errors.Is(err, tt.want) {
				t.Errorf("%s by %s: %v", name, tt.who, err)
			}
		}
	}
	for name, ask := range map[string]func(by autonoma.Actor) error{
		"artifact": func(by autonoma.Actor) error { _, _, err := o.tasks.Artifact(ctx, by, run.ID, "art_1"); return err },
		"diff":     func(by autonoma.Actor) error { _, err := o.tasks.Diff(ctx, by, run.ID); return err },
	} {
		for _, by := range []autonoma.Actor{owner, stranger} {
			if err := ask(by); !errors.Is(err, autonoma.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if all, _, err := o.tasks.List(ctx, stranger, "", service.Cursor{}, 10); err != nil || len(all) > 0 {
		t.Errorf("the stranger's list has %d runs: %v", len(all), err)
	}
	if _, err := o.tasks.Submit(ctx, reader, build()); !errors.Is(err, autonoma.ErrForbidden) {
		t.Errorf("submit by a reader: %v", err)
	}
	for name, by := range map[string]autonoma.Actor{"stranger": stranger, "reader": reader} {
		if _, err := o.tasks.Cancel(ctx, by, run.ID); err == nil {
			t.Errorf("a %s cancelled the run", name)
		}
		if _, err := o.tasks.Retry(ctx, by, run.ID); !errors.Is(err, autonoma.ErrNotFound) && !errors.Is(err, autonoma.ErrForbidden) {
			t.Errorf("a %s asks for it again: %v", name, err)
		}
	}
	if got, err := o.tasks.Get(ctx, owner, run.ID); err != nil || got.Status != autonoma.Queued {
		t.Errorf("the run is %s: %v", got.Status, err)
	}
}

// What was accepted is in the database with the job to begin it; what was not
// accepted is not there.
func TestSubmit(t *testing.T) {
	o := open(t)
	owner, _ := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	run, err := o.tasks.Submit(t.Context(), owner, build())
	if err != nil || run.Status != autonoma.Queued || run.Step("requirements").Execution == "" {
		t.Fatalf("%+v, %v", run, err)
	}
	jobs := func() (n int) {
		t.Helper()
		if err := o.db.Writer().QueryRowContext(t.Context(), `SELECT count(*) FROM river_job`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := jobs(); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
	unready, unsound := o.cfg, o.cfg
	unready.Ready = func(autonoma.Request) error { return fmt.Errorf("no model: %w", autonoma.ErrUnavailable) }
	unsound.Source = func(context.Context, autonoma.Request) error {
		return autonoma.FieldErrors{{Field: "source", Reason: "is not there"}}
	}
	for _, tt := range []struct {
		name string
		cfg  service.Config
		req  autonoma.Request
		want error
	}{
		{"an empty request", o.cfg, autonoma.Request{}, autonoma.ErrInvalid},
		{"no model", unready, build(), autonoma.ErrUnavailable},
		{"no source", unsound, build(), autonoma.ErrInvalid},
	} {
		if _, err := service.NewTasks(tt.cfg).Submit(t.Context(), owner, tt.req); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if all, _, err := o.tasks.List(t.Context(), owner, "", service.Cursor{}, 10); err != nil || len(all) != 1 || jobs() != 1 {
		t.Errorf("there are %d runs and %d jobs: %v", len(all), jobs(), err)
	}
}

// A run is expected to take as long as the median of those like it took.
func TestExpected(t *testing.T) {
	o := open(t)
	owner, _ := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	submit := func(scope autonoma.Scope) autonoma.Run {
		t.Helper()
		req := build()
		req.Scope = scope
		run, err := o.tasks.Submit(t.Context(), owner, req)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	first := submit(autonoma.MVP)
	if first.Expected != catalog.Expected(autonoma.MVP) {
		t.Errorf("the first is expected to take %v", first.Expected)
	}
	for _, took := range []time.Duration{9 * time.Minute, time.Minute, 3 * time.Minute} {
		run := submit(autonoma.MVP)
		run.Status, run.StartedAt = autonoma.Completed, run.CreatedAt
		run.CompletedAt = run.StartedAt.Add(took)
		if err := o.db.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveRun(run) }); err != nil {
			t.Fatal(err)
		}
	}
	if got := submit(autonoma.MVP).Expected; got != 3*time.Minute {
		t.Errorf("after 9, 1 and 3 minutes, another is expected to take %v", got)
	}
	if got := submit(autonoma.Demo).Expected; got != catalog.Expected(autonoma.Demo) {
		t.Errorf("one of another scope is expected to take %v", got)
	}
}

// A listing comes in pages that say where the next begins.
func TestList(t *testing.T) {
	o := open(t)
	owner, _ := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	want := map[autonoma.RunID]bool{}
	for range 7 {
		run, err := o.tasks.Submit(t.Context(), owner, build())
		if err != nil {
			t.Fatal(err)
		}
		want[run.ID] = true
	}
	var from service.Cursor
	for _, size := range []int{3, 3, 1} {
		runs, next, err := o.tasks.List(t.Context(), owner, autonoma.Queued, from, 3)
		if err != nil || len(runs) != size {
			t.Fatalf("a page of %d: %v", len(runs), err)
		}
		for _, r := range runs {
			if !want[r.ID] {
				t.Errorf("%s is shown once more", r.ID)
			}
			delete(want, r.ID)
		}
		from = next
	}
	if from != (service.Cursor{}) {
		t.Errorf("after the last page there is another: %+v", from)
	}
}

// A run that is called off is over; it cannot be called off again.
func TestCancel(t *testing.T) {
	o := open(t)
	owner, _ := o.holder(t, "owner", autonoma.ScopeRead, autonoma.ScopeWrite)
	run, err := o.tasks.Submit(t.Context(), owner, build())
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.tasks.Cancel(t.Context(), owner, run.ID)
	if err != nil || got.Status != autonoma.Cancelled || got.CompletedAt.IsZero() || got.Step("requirements").Status != autonoma.StepCancelled {
		t.Errorf("%+v, %v", got, err)
	}
	exec, err := o.db.Execution(t.Context(), run.Step("requirements").Execution)
	if err != nil || exec.Status != autonoma.StepCancelled {
		t.Errorf("the execution is %s: %v", exec.Status, err)
	}
	if _, err := o.tasks.Cancel(t.Context(), owner, run.ID); !errors.Is(err, autonoma.ErrConflict) {
		t.Errorf("once more: %v", err)
	}
	follow, err := o.tasks.Follow(t.Context(), owner, run.ID, 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var told []autonoma.Event
	for news, err := range follow { // which ends, as the run has
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, news...)
	}
	if len(told) != 2 || !event.Last(told[1]) {
		t.Errorf("told are %+v", told)
	}
}

// Who may know of agents: their state is for readers, executions and invocations are
// for admins, and those of another tenant are not there.
func TestWhoMayKnowOfAgents(t *testing.T) {
	o := open(t)
	reader, _ := o.holder(t, "owner", autonoma.ScopeRead)
	writer, _ := o.holder(t, "owner", autonoma.ScopeWrite)
	admin, _ := o.holder(t, "owner", autonoma.ScopeAdmin)
	stranger, _ := o.holder(t, "stranger", autonoma.ScopeAdmin)
	ctx := t.Context()
	run, err := o.tasks.Invoke(ctx, admin, "plan-ai", autonoma.Request{Task: "plan it"})
	if err != nil || run.Kind != autonoma.KindRigor || run.Request.Agent != "planner-ai" || len(run.Steps) != 1 || run.Steps[0].Agent != "planner-ai" {
		t.Fatalf("%+v, %v", run, err)
	}
	if string(run.Steps[0].Execution) != string(run.ID) {
		t.Errorf("the execution of %s is %s", run.ID, run.Steps[0].Execution)
	}
	for _, tt := range []struct {
		name                            string
		ask                             func(by autonoma.Actor) error
		reader, writer, admin, stranger error
	}{
		{"list", func(by autonoma.Actor) error { _, err := o.agents.List(ctx, by); return err }, nil, autonoma.ErrForbidden, nil, nil},
		{"get", func(by autonoma.Actor) error { _, err := o.agents.Get(ctx, by, "coder-ai"); return err }, nil, autonoma.ErrForbidden, nil, nil},
		{"coordination", func(by autonoma.Actor) error { _, err := o.agents.Coordination(ctx, by); return err }, nil, autonoma.ErrForbidden, nil, nil},
		{"engine", func(by autonoma.Actor) error { _, err := o.agents.Engine(ctx, by); return err }, autonoma.ErrForbidden, autonoma.ErrForbidden, nil, nil},
		{"execution", func(by autonoma.Actor) error {
			_, err := o.agents.Execution(ctx, by, run.Steps[0].Execution)
			return err
		}, autonoma.ErrForbidden, autonoma.ErrForbidden, nil, autonoma.ErrNotFound},
		{"invoke", func(by autonoma.Actor) error {
			_, err := o.tasks.Invoke(ctx, by, "nobody", build())
			return err
		}, autonoma.ErrForbidden, autonoma.ErrForbidden, autonoma.ErrNotFound, autonoma.ErrNotFound},
	} {
		for who, c := range map[string]struct {
			by   autonoma.Actor
			want error
		}{"reader": {reader, tt.reader}, "writer": {writer, tt.writer}, "admin": {admin, tt.admin}, "stranger": {stranger, tt.stranger}} {
			if err := tt.ask(c.by); !errors.Is(err, c.want) {
				t.Errorf("%s by the %s: %v", tt.name, who, err)
			}
		}
	}
	if e, err := o.agents.Engine(ctx, stranger); err != nil || e.Queued != 0 || e.Agents != 25 {
		t.Errorf("the stranger sees %+v: %v", e, err)
	}
	if e, err := o.agents.Engine(ctx, admin); err != nil || e.Queued != 1 {
		t.Errorf("the admin sees %+v: %v", e, err)
	}
}

// How long invocations take is told of invocations of the same agent, and what they
// take is not what tasks are expected to.
func TestExpectedOfInvocations(t *testing.T) {
	o := open(t)
	admin, _ := o.holder(t, "owner", autonoma.ScopeAdmin)
	invoke := func(agent autonoma.AgentID) autonoma.Run {
		t.Helper()
		run, err := o.tasks.Invoke(t.Context(), admin, agent, autonoma.Request{Task: "do it"})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	run := invoke("coder-ai")
	run.Status, run.StartedAt, run.CompletedAt = autonoma.Completed, run.CreatedAt, run.CreatedAt.Add(time.Minute)
	if err := o.db.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveRun(run) }); err != nil {
		t.Fatal(err)
	}
	if got := invoke("coder-ai").Expected; got != time.Minute {
		t.Errorf("another is expected to take %v", got)
	}
	if got := invoke("tester-ai").Expected; got != catalog.Expected(autonoma.MVP) {
		t.Errorf("that of another agent is expected to take %v", got)
	}
	task, err := o.tasks.Submit(t.Context(), admin, build())
	if err != nil || task.Expected != catalog.Expected(autonoma.MVP) {
		t.Errorf("a task is expected to take %v: %v", task.Expected, err)
	}
}
