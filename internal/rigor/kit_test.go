package rigor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"autonoma"
	"autonoma/agents"
	"autonoma/flows"
	"autonoma/internal/agent"
	"autonoma/internal/catalog"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/model/script"
	"autonoma/internal/rigor"
	"autonoma/internal/sandbox"
	"autonoma/internal/setup"
	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

func TestMain(m *testing.M) {
	sandbox.Init()
	os.Exit(m.Run())
}

// openBox opens the strongest sandbox of this machine, once for all tests; where
// there is none, and none is required, commands run without.
var openBox = sync.OnceValues(func() (sandbox.Sandbox, error) {
	box, _, err := sandbox.Open(context.Background(), sandbox.Auto)
	if err != nil && os.Getenv("AUTONOMA_TEST_REQUIRE") != "1" {
		box, _, err = sandbox.Open(context.Background(), string(sandbox.None))
	}
	return box, err
})

// A shop is an engine with a repository to work on, and the log of what it did.
type shop struct {
	t      *testing.T
	repo   string
	engine *rigor.Engine
	known  *catalog.Catalog
	events []autonoma.Event // of the last execution
	asked  []model.Request  // of all
}

// open opens an engine and a repository of the given files, with a model that
// plays the conversations.
func open(t *testing.T, files string, conversations ...string) *shop {
	t.Helper()
	box, err := openBox()
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rigor.DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	known, err := catalog.Open([]fs.FS{agents.Files}, []fs.FS{flows.Files})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, repo: workspacetest.Repo(t, files), known: known}
	tools, env := sandbox.Toolchains(os.Getenv)
	player := listener{script.New(modeltest.Script(t, "name: test\nconversations:\n"+strings.Join(conversations, ""))), s}
	s.engine = &rigor.Engine{
		Policy: policy, Workspaces: workspacetest.Store(t), Box: box, Roots: []string{s.repo},
		Installer: setup.New(filepath.Join(t.TempDir(), "setup"), box, tools, env, os.Getenv),
		Model:     func(autonoma.Intelligence) (model.Model, error) { return player, nil },
	}
	return s
}

// job is one execution of an agent in a new run, as the request wants it.
func (s *shop) job(agent autonoma.AgentID, req autonoma.Request) rigor.Job {
	s.t.Helper()
	who, err := s.known.Agent(agent)
	if err != nil {
		s.t.Fatal(err)
	}
	if req.Task == "" {
		req.Task = "Spell the greeting right."
	}
	req.Source, req.Intelligence = s.repo, autonoma.Core
	run := autonoma.Run{ID: autonoma.NewRunID(autonoma.KindTask), Request: req}
	return rigor.Job{
		Run: run, Agent: who,
		Step:      autonoma.Step{ID: "work", Agent: agent, Asks: "Do it well.", Round: 1},
		Execution: autonoma.Execution{ID: autonoma.NewExecutionID(), Run: run.ID, StartedAt: time.Unix(1_700_000_000, 0)},
		Afford:    free,
	}
}

// free is the purse of a run without a budget.
func free(_ context.Context, q agent.Quote) (int, error) { return q.Request.MaxTokens, nil }

// do carries out a job from its beginning.
func (s *shop) do(j rigor.Job) (autonoma.Result, error) {
	s.events = nil
	j.Journal = journal.Open(j.Execution.ID, s, nil, nil)
	return s.engine.Do(s.t.Context(), j)
}

// must carries out a job that should come to a result.
func (s *shop) must(j rigor.Job) autonoma.Result {
	s.t.Helper()
	r, err := s.do(j)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// Append implements [journal.Log].
func (s *shop) Append(_ context.Context, _ autonoma.Usage, events ...autonoma.Event) error {
	s.events = append(s.events, events...)
	return nil
}

// said returns what a phase of the last execution ended with.
func (s *shop) said(p autonoma.Phase) string {
	for _, e := range s.events {
		var c autonoma.PhaseChanged
		if e.Kind == autonoma.EventPhase && json.Unmarshal(e.Data, &c) == nil && c.Phase == p && c.Status == autonoma.StepCompleted {
			return c.Message
		}
	}
	return "(it did not end)"
}

// show returns a file of a commit of a run.
func (s *shop) show(j rigor.Job, commit, path string) string {
	s.t.Helper()
	w, err := s.engine.Workspaces.Workspace(s.t.Context(), string(j.Run.ID), "look", commit)
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	b, err := w.Read(path)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return string(b)
}

// diff returns what a run has changed.
func (s *shop) diff(j rigor.Job, r autonoma.Result) workspace.Diff {
	s.t.Helper()
	d, err := s.engine.Workspaces.Diff(s.t.Context(), string(j.Run.ID), r.Base, r.Commit)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// listener hears what a model is asked.
type listener struct {
	model.Model
	shop *shop
}

func (l listener) Turn(ctx context.Context, r model.Request) iter.Seq2[model.Delta, error] {
	r.Messages = append([]model.Message(nil), r.Messages...)
	l.shop.asked = append(l.shop.asked, r)
	return l.Model.Turn(ctx, r)
}

// prompts returns the first messages of the conversations so far.
func (s *shop) prompts() []string {
	var all []string
	for _, r := range s.asked {
		if len(r.Messages) == 1 {
			all = append(all, r.Messages[0].Text)
		}
	}
	return all
}

// needsMapping ends a test of what only a sandbox can show that gives commands a file
// tree of their own: as skipped, or as failed where every part has to run.
func (s *shop) needsMapping() {
	s.t.Helper()
	if sandbox.MapsPaths(s.engine.Box) {
		return
	}
	if os.Getenv("AUTONOMA_TEST_REQUIRE") != "" {
		s.t.Fatal("no sandbox here can show a directory in a checkout")
	}
	s.t.Skip("no sandbox here can show a directory in a checkout")
}

// heard returns what the model was told last.
func (s *shop) heard() string {
	m := s.asked[len(s.asked)-1].Messages
	return m[len(m)-1].Text
}
