package workspace_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

const run = workspacetest.Run

// The way of a run: from a source, through checkpoints, to a branch.
func TestRun(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n-- dir/b.txt --\ntwo\n-- .gitignore --\n*.o\n")
	s := workspacetest.Store(t)
	before := fingerprint(t, repo, nil)
	base := workspacetest.Prepare(t, s, run, repo)
	if head := workspacetest.Git(t, repo, "rev-parse", "HEAD"); base.Commit != head || base.Branch != "main" || len(base.Notices) != 0 {
		t.Fatalf("prepared %+v; the source is at %s", base, head)
	}
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	if err != nil {
		t.Fatal(err)
	}
	if cp, changed, err := w.Checkpoint(t.Context(), "nothing"); changed || err != nil || cp.Commit != base.Commit || cp.Tree != base.Tree {
		t.Fatalf("before any change: %+v %v %v", cp, changed, err)
	}
	for name, text := range map[string]string{"a.txt": "uno\n", "new/c.txt": "three\n", "x.o": "ignored"} {
		if err := w.Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	cp, changed, err := w.Checkpoint(t.Context(), "first")
	if !changed || err != nil || fmt.Sprint(cp.Changed) != "[a.txt new/c.txt]" {
		t.Fatalf("after changes: %+v %v %v", cp, changed, err)
	}
	req := workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: "Count in Spanish", Author: "Ada <ada@example.com>", Date: time.Unix(1e9, 0)}
	commit, err := s.Commit(t.Context(), run, req)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Commit(t.Context(), run, req); again != commit || err != nil {
		t.Errorf("the same request made %s, %v; first %s", again, err, commit)
	}
	d, err := s.Diff(t.Context(), run, base.Commit, commit)
	if err != nil || d.Insertions != 2 || d.Deletions != 1 || len(d.Files) != 2 || !strings.Contains(string(d.Patch), "+uno") {
		t.Errorf("diff: %+v %v", d, err)
	}
	branch := "autonoma/" + run
	for range 2 {
		got, err := s.Deliver(t.Context(), run, commit, branch)
		if err != nil || got != (workspace.Delivery{How: workspace.HandoverBranch, Branch: branch, Commit: commit}) {
			t.Fatalf("delivered: %+v %v", got, err)
		}
	}
	if got := workspacetest.Git(t, repo, "show", branch+":a.txt"); got != "uno" {
		t.Errorf("the branch has %q", got)
	}
	workspacetest.Git(t, repo, "fsck", "--strict")
	after := fingerprint(t, repo, func(path string) bool {
		return strings.HasPrefix(path, ".git/objects/pack/") || strings.HasPrefix(path, ".git/refs/heads/autonoma")
	})
	if before != after {
		t.Errorf("the source changed:\n%s\nwas\n%s", after, before)
	}
	var patch, bundle bytes.Buffer
	if err := s.Patch(t.Context(), run, base.Commit, commit, &patch); err != nil || !strings.Contains(patch.String(), "+three") {
		t.Errorf("patch: %s %v", &patch, err)
	}
	if err := s.Bundle(t.Context(), run, commit, branch, &bundle); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "bundle")
	if err := os.WriteFile(file, bundle.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := workspacetest.Git(t, repo, "bundle", "list-heads", file); got != commit+" refs/heads/"+branch {
		t.Errorf("bundle has %q", got)
	}
	h, err := s.History(t.Context(), run, commit)
	if err != nil || len(h.Commits) != 2 || h.Commits[0].Subject != "Count in Spanish" || !h.Commits[0].Ours || h.Commits[1].Ours {
		t.Errorf("history: %+v %v", h, err)
	}
	for _, c := range h.Commits {
		if !slices.Contains(c.Files, "a.txt") || h.Gone["a.txt"] {
			t.Errorf("history: %+v", h)
		}
	}
}

// fingerprint describes everything in a directory but what leave says.
func fingerprint(t *testing.T, dir string, leave func(string) bool) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || leave != nil && leave(rel) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		sum, when := "", ""
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			hash := sha256.Sum256(data)
			sum, when = hex.EncodeToString(hash[:8]), info.ModTime().String()
		}
		fmt.Fprintln(&b, rel, info.Mode(), sum, when)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What the past tells is told of files as they are now: a file that is gone is named as
// gone, one that came back is not, and a name that git has to quote is left out.
func TestHistory(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n-- gone.txt --\none\n-- back.txt --\none\n-- sub/ä b.txt --\none\n")
	for _, step := range []struct {
		subject string
		change  func()
	}{
		{"Remove two", func() { workspacetest.Git(t, repo, "rm", "--quiet", "gone.txt", "back.txt") }},
		{"Bring one back", func() { workspacetest.Write(t, repo, "-- back.txt --\ntwo\n") }},
		{"Name it \"oddly\"", func() { must(t, os.WriteFile(filepath.Join(repo, "tab\tquote\".txt"), nil, 0o600)) }},
	} {
		step.change()
		workspacetest.Commit(t, repo, step.subject)
	}
	workspacetest.Git(t, repo, "commit", "--quiet", "--allow-empty", "--author", "coder-ai <coder-ai@autonoma.invalid>", "--message", "Do as told")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	h, err := s.History(t.Context(), run, base.Commit)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range h.Commits {
		told = append(told, fmt.Sprint(c.Subject, c.Files))
		if c.Ours != (c.Subject == "Do as told") {
			t.Errorf("%q: ours: %v", c.Subject, c.Ours)
		}
	}
	want := []string{"Do as told[]", `Name it "oddly"[]`, "Bring one back[back.txt]", "Remove two[back.txt gone.txt]", "Start[a.txt back.txt gone.txt sub/ä b.txt]"}
	if !slices.Equal(told, want) || len(h.Gone) != 1 || !h.Gone["gone.txt"] {
		t.Errorf("%q, gone: %v", told, h.Gone)
	}
}
