package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// A table is a run on a repository, in which commits can be made.
type table struct {
	t     *testing.T
	store *workspace.Store
	repo  string
	base  workspace.Base
}

func newTable(t *testing.T, files string) *table {
	t.Helper()
	b := &table{t: t, store: workspacetest.Store(t), repo: workspacetest.Repo(t, files)}
	src, err := workspace.Resolve(t.Context(), b.repo, []string{b.repo})
	if err == nil {
		b.base, err = b.store.Prepare(t.Context(), "task_1", src, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// commit makes a commit on the base in which a file has another content; an empty
// one takes it away.
func (b *table) commit(path, content string, at int64) string {
	b.t.Helper()
	ctx := b.t.Context()
	w, err := b.store.Workspace(ctx, "task_1", "work", b.base.Commit)
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Close()
	if content == "" {
		err = os.Remove(filepath.Join(w.Dir(), path))
	} else {
		err = w.Write(path, []byte(content))
	}
	if err != nil {
		b.t.Fatal(err)
	}
	cp, _, err := w.Checkpoint(ctx, path)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := b.store.Commit(ctx, "task_1", workspace.CommitRequest{
		Checkpoint: cp.Commit, Parents: []string{b.base.Commit}, Message: path + content, Date: time.Unix(at, 0),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// read returns a file of a commit.
func (b *table) read(run, commit, path string) string {
	b.t.Helper()
	w, err := b.store.Workspace(b.t.Context(), run, "look", commit)
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Close()
	text, err := w.Read(path)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(text)
}

const letters = "-- a --\na\n-- b --\nb\n-- c --\nc\n-- .gitattributes --\nc merge=mine\n"

// Commits that fit each other become one with all of them as parents, and the same
// one every time.
func TestMerge(t *testing.T) {
	b := newTable(t, letters)
	commits := []string{b.commit("a", "A\n", 1e9), b.commit("b", "B\n", 2e9), b.commit("new", "N\n", 15e8)}
	m, err := b.store.Merge(t.Context(), "task_1", commits)
	if err != nil || len(m.Conflicts) > 0 {
		t.Fatal(m, err)
	}
	for path, want := range map[string]string{"a": "A\n", "b": "B\n", "new": "N\n", "c": "c\n"} {
		if got := b.read("task_1", m.Commit, path); got != want {
			t.Errorf("%s is %q", path, got)
		}
	}
	if again, err := b.store.Merge(t.Context(), "task_1", commits); err != nil || again.Commit != m.Commit {
		t.Errorf("again it is %s, not %s: %v", again.Commit, m.Commit, err)
	}
	if _, err := b.store.Deliver(t.Context(), "task_1", m.Commit, "autonoma/task_1"); err != nil {
		t.Fatal(err)
	}
	got := workspacetest.Git(t, b.repo, "log", "-1", "--format=%P %ct %an", "autonoma/task_1")
	if want := strings.Join(commits, " ") + " 2000000000 Autonoma"; got != want {
		t.Errorf("the commit is %s, want %s", got, want)
	}
	if status := workspacetest.Git(t, b.repo, "status", "--porcelain"); status != "" {
		t.Errorf("the user's checkout changed: %s", status)
	}
}

// What does not fit is named, and holds both sides; no program that a file's
// attributes ask for is run.
func TestMergeConflict(t *testing.T) {
	b := newTable(t, letters)
	for _, tt := range []struct {
		name     string
		commits  []string
		conflict []string
		markers  bool
	}{
		{"the same line", []string{b.commit("a", "one\n", 1e9), b.commit("a", "two\n", 1e9)}, []string{"a"}, true},
		{"a merge driver", []string{b.commit("c", "one\n", 1e9), b.commit("c", "two\n", 1e9)}, []string{"c"}, true},
		{"changed and removed", []string{b.commit("b", "one\n", 1e9), b.commit("b", "", 1e9)}, []string{"b"}, false},
		{"three sides", []string{b.commit("a", "one\n", 1e9), b.commit("b", "x\n", 1e9), b.commit("a", "two\n", 1e9)}, []string{"a"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := b.store.Merge(t.Context(), "task_1", tt.commits)
			if err != nil || !slices.Equal(m.Conflicts, tt.conflict) {
				t.Fatal(m, err)
			}
			text := b.read("task_1", m.Commit, tt.conflict[0])
			if strings.Contains(text, "<<<<<<< ") != tt.markers || tt.markers && (!strings.Contains(text, "one\n") || !strings.Contains(text, "two\n")) {
				t.Errorf("the file is %q", text)
			}
		})
	}
}

// Two that begin with nothing have nothing in common, and come together all the same.
func TestMergeFromNothing(t *testing.T) {
	b := &table{t: t, store: workspacetest.Store(t)}
	var err error
	if b.base, err = b.store.Prepare(t.Context(), "task_1", workspace.Source{Kind: workspace.SourceNone}, ""); err != nil {
		t.Fatal(err)
	}
	m, err := b.store.Merge(t.Context(), "task_1", []string{b.commit("a", "A\n", 1e9), b.commit("b", "B\n", 1e9)})
	if err != nil || len(m.Conflicts) > 0 || b.read("task_1", m.Commit, "a") != "A\n" || b.read("task_1", m.Commit, "b") != "B\n" {
		t.Error(m, err)
	}
}

func TestMergeUnknown(t *testing.T) {
	b := newTable(t, letters)
	for _, c := range []string{"--help", "main", strings.Repeat("0", 40)} {
		if _, err := b.store.Merge(t.Context(), "task_1", []string{b.base.Commit, c}); !errors.Is(err, workspace.ErrUnknownCommit) {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// A run that inherits begins where the other began, whatever became of the source,
// and has its results.
func TestInherit(t *testing.T) {
	b := newTable(t, letters)
	made := b.commit("a", "A\n", 1e9)
	workspacetest.Write(t, b.repo, "-- a --\nmoved on\n")
	workspacetest.Commit(t, b.repo, "Move on")
	for range 2 { // as after a crash
		base, err := b.store.Inherit(t.Context(), "task_2", "task_1")
		if err != nil || base.Commit != b.base.Commit {
			t.Fatal(base, err)
		}
	}
	if got := b.read("task_2", made, "a"); got != "A\n" {
		t.Errorf("the file is %q", got)
	}
	if got := b.read("task_2", b.base.Commit, "b"); got != "b\n" {
		t.Errorf("at the base it is %q", got)
	}
	if _, err := b.store.Inherit(t.Context(), "task_3", "task_0"); !errors.Is(err, workspace.ErrNotPrepared) {
		t.Errorf("from nobody: %v", err)
	}
}
