package workspace_test

import (
	"testing"
	"time"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// The commits of people are counted, as far as one looks: no merges, and not what
// agents committed.
func TestPast(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	git := func(args ...string) { t.Helper(); workspacetest.Git(t, repo, args...) }
	commit := func(subject string, more ...string) {
		t.Helper()
		git(append([]string{"commit", "--allow-empty", "-m", subject}, more...)...)
	}
	git("checkout", "-q", "-b", "side")
	commit("Say what the side does", "--date", "2020-01-01T00:00:00Z") // when it was written does not matter
	git("checkout", "-q", "main")
	commit("wip")
	git("merge", "-q", "--no-ff", "-m", "Bring the side in", "side")
	commit("Do as one was told", "--author", "coder-ai <coder-ai@autonoma.invalid>")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	got, err := s.Past(t.Context(), run, base.Commit, 100)
	must(t, err)
	if got.Commits != 3 || got.Telling != 1 || time.Since(got.Newest) > time.Hour {
		t.Errorf("%+v", got)
	}
	// One that is bounded sees the newest: the agent's, and one of a person.
	if few, err := s.Past(t.Context(), run, base.Commit, 2); err != nil || few.Commits != 1 {
		t.Errorf("of two: %+v, %v", few, err)
	}
	if _, err := s.Past(t.Context(), run, "--all", 2); err == nil {
		t.Error("what is no commit was looked at")
	}
	if none, err := s.Past(t.Context(), run, base.Commit, 0); err != nil || none != (workspace.Past{}) {
		t.Errorf("of none: %+v, %v", none, err)
	}
}
