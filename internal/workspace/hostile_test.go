package workspace_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// A stranger's repository tries to run a program of its own whenever git does
// something with it. None may, in the whole way of a run; and each does, if somebody
// uses git as it comes.
func TestHostileRepositoryRunsNothing(t *testing.T) {
	for _, tt := range traps() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			repo := workspacetest.Repo(t, "-- a.txt --\none\n")
			dir := realTemp(t)
			sprung, program := filepath.Join(dir, "sprung"), filepath.Join(dir, "trap")
			must(t, os.WriteFile(program, []byte("#!/bin/sh\ntouch "+sprung+"\n"), 0o755))
			tt.plot(t, repo, program)
			_ = os.Remove(sprung) // by the plot's own git
			must(t, os.WriteFile(repo+"/a.txt", []byte("dirty"), 0o644))
			if tt.careless != "" && !springs(t, repo, sprung, tt.careless) {
				t.Error("it is no trap: with plain git nothing ran")
			}

			commit, s := deliverSomething(t, repo)
			w, err := s.Workspace(t.Context(), run, "review", commit)
			must(t, err)
			must(t, w.Write("new", []byte("y")))
			must(t, w.Restore(t.Context(), commit))
			must(t, s.Remove(t.Context(), run))
			if _, err := os.Lstat(sprung); err == nil {
				t.Error("the program of the repository ran")
			}
		})
	}
}

// set writes a setting without asking git, which may refuse or obey it.
func set(t *testing.T, repo, key, value string) {
	t.Helper()
	section, rest, _ := strings.Cut(key, ".")
	sub, name := "", rest
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		sub, name = ` "`+rest[:i]+`"`, rest[i+1:]
	}
	f, err := os.OpenFile(repo+"/.git/config", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("[" + section + sub + "]\n\t" + name + " = " + value + "\n")
	must(t, errors.Join(err, f.Close()))
}

// deliverSomething goes the whole way of a run on a source.
func deliverSomething(t *testing.T, repo string) (commit string, s *workspace.Store) {
	t.Helper()
	s = workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	must(t, w.Write("a.txt", []byte("two\n")))
	cp, _, err := w.Checkpoint(t.Context(), "two")
	must(t, err)
	commit, err = s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: "Two"})
	must(t, err)
	var patch, bundle bytes.Buffer
	_, err = s.Diff(t.Context(), run, base.Commit, commit)
	must(t, errors.Join(err, s.Patch(t.Context(), run, base.Commit, commit, &patch), s.Bundle(t.Context(), run, commit, "autonoma/x", &bundle)))
	_, err = s.History(t.Context(), run, commit)
	must(t, err)
	_, err = s.Deliver(t.Context(), run, commit, "autonoma/x")
	must(t, err)
	return commit, s
}

// The agent configures its own git directory and makes repositories in the
// workspace; nothing we do afterwards obeys.
func TestHostileAgentRunsNothing(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	traps := realTemp(t)
	sprung, trap := filepath.Join(traps, "sprung"), filepath.Join(traps, "trap")
	must(t, os.WriteFile(trap, []byte("#!/bin/sh\ntouch "+sprung+"\n"), 0o755))
	evil := "[core]\n\tfsmonitor = " + trap + "\n\thooksPath = " + traps + "\n[diff]\n\texternal = " + trap + "\n[filter \"evil\"]\n\tclean = " + trap + "\n\tsmudge = " + trap + "\n\tprocess = " + trap + "\n"
	mounts, _ := w.AgentGit(w.Dir(), "")
	must(t, os.WriteFile(mounts[0].Source+"/config", []byte(evil), 0o600))
	start(t, w.Dir(), "-- b.txt --\nx\n") // a .git at the top
	mkdir(t, w.Dir()+"/sub")
	start(t, w.Dir()+"/sub", "-- b.txt --\nx\n")
	for _, dir := range []string{"/.git/config", "/sub/.git/config"} {
		must(t, os.WriteFile(w.Dir()+dir, []byte(evil), 0o600))
	}
	workspacetest.Write(t, w.Dir(), "-- .gitattributes --\n* filter=evil diff=evil text\n-- crlf.txt --\nx\r\n-- .gitconfig --\n"+evil)
	cp, changed, err := w.Checkpoint(t.Context(), "evil")
	if !changed || err != nil || strings.Join(cp.Changed, " ") != ".gitattributes .gitconfig b.txt crlf.txt sub/b.txt" {
		t.Errorf("%+v %v", cp, err)
	}
	_, err = s.Diff(t.Context(), run, base.Commit, cp.Commit)
	must(t, err)
	must(t, w.Restore(t.Context(), base.Commit))
	must(t, w.Restore(t.Context(), cp.Commit))
	must(t, w.Close())
	_, err = s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	must(t, s.Remove(t.Context(), run))
	if _, err := os.Lstat(sprung); err == nil {
		t.Error("the agent's program ran")
	}
}

// A tree that no checkout may have is an answer, not a file elsewhere.
func TestHostileTrees(t *testing.T) {
	for name, entry := range map[string]string{
		"git directory": ".git", "git directory in capitals": ".GIT", "short name": "git~1", "short name in capitals": "GIT~1", "up": "..", "here": ".",
		"with a letter that is not seen": ".g\u200cit", "with a dot that is dropped": ".git.", "with a space that is dropped": ".git ", "a stream of it": ".git::$INDEX_ALLOCATION",
		"with a backslash": `.git\hooks`,
	} {
		t.Run(name, func(t *testing.T) {
			repo := workspacetest.Repo(t, "-- a.txt --\none\n")
			blob := workspacetest.Git(t, repo, "hash-object", "-w", "a.txt")
			inner := treeOf(t, repo, "100644 config", blob)
			outer := treeOf(t, repo, "40000 "+entry, inner)
			commit := workspacetest.Git(t, repo, "commit-tree", "-m", "evil", outer)
			workspacetest.Git(t, repo, "update-ref", "refs/heads/main", commit)
			s := workspacetest.Store(t)
			src, err := workspace.Resolve(t.Context(), repo, []string{repo})
			must(t, err)
			base, err := s.Prepare(t.Context(), run, src, "")
			if err != nil {
				return // refused even earlier
			}
			if _, err := s.Workspace(t.Context(), run, "main", base.Commit); err == nil {
				t.Error("it was checked out")
			}
		})
	}
}

// treeOf stores a tree with one entry, without git's checks.
func treeOf(t *testing.T, repo, entry, id string) string {
	t.Helper()
	raw := []byte(entry + "\x00")
	for i := 0; i < len(id); i += 2 {
		raw = append(raw, unhex(id[i])<<4|unhex(id[i+1]))
	}
	file := filepath.Join(t.TempDir(), "tree")
	must(t, os.WriteFile(file, raw, 0o600))
	return workspacetest.Git(t, repo, "hash-object", "-w", "-t", "tree", "--literally", file)
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// Between the check and the delivery, the owner of a source puts a link where
// we are going to write.
func TestDeliverFollowsNoLinks(t *testing.T) {
	for _, place := range []string{"objects/pack", "refs/heads", "refs"} {
		t.Run(place, func(t *testing.T) {
			repo, outside := workspacetest.Repo(t, "-- a.txt --\none\n"), realTemp(t)
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, repo)
			commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: base.Commit, Parents: []string{base.Commit}, Message: "Same"})
			must(t, err)
			path := repo + "/.git/" + place
			mkdir(t, filepath.Dir(outside+"/"+place))
			must(t, os.Rename(path, outside+"/"+place))
			must(t, os.Symlink(outside+"/"+place, path))
			before := fingerprint(t, outside, nil)
			if d, err := s.Deliver(t.Context(), run, commit, "autonoma/x"); err == nil {
				t.Errorf("delivered %+v", d)
			}
			if after := fingerprint(t, outside, nil); after != before {
				t.Errorf("outside is changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// A branch of the same name that points elsewhere stays as it is.
func TestDeliverOverwritesNothing(t *testing.T) {
	for name, plot := range map[string]func(repo string){
		"loose":       func(repo string) { workspacetest.Git(t, repo, "branch", "autonoma/x") },
		"in the way":  func(repo string) { workspacetest.Git(t, repo, "branch", "autonoma") },
		"checked out": func(repo string) { workspacetest.Git(t, repo, "checkout", "--quiet", "--orphan", "autonoma/x") },
		"packed": func(repo string) {
			workspacetest.Git(t, repo, "branch", "autonoma/x")
			workspacetest.Git(t, repo, "pack-refs", "--all")
		},
		"packed, in the way": func(repo string) {
			workspacetest.Git(t, repo, "branch", "autonoma")
			workspacetest.Git(t, repo, "pack-refs", "--all")
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := workspacetest.Repo(t, "-- a.txt --\none\n")
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, repo)
			commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: base.Commit, Parents: []string{base.Commit}, Message: "Same"})
			must(t, err)
			plot(repo)
			before := workspacetest.Git(t, repo, "for-each-ref")
			if d, err := s.Deliver(t.Context(), run, commit, "autonoma/x"); !errors.Is(err, workspace.ErrBranchTaken) {
				t.Errorf("delivered %+v, %v", d, err)
			}
			if after := workspacetest.Git(t, repo, "for-each-ref"); after != before {
				t.Errorf("references are %s, were %s", after, before)
			}
		})
	}
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, workspacetest.Repo(t, ""))
	for _, branch := range []string{"main", "autonoma", "autonoma/", "autonoma/../x", "autonoma/x.lock", "autonoma/a/b", "autonoma/-x", "autonoma/a..b", "refs/heads/x", "autonoma/x\n"} {
		if d, err := s.Deliver(t.Context(), run, base.Commit, branch); err == nil {
			t.Errorf("delivered %q: %+v", branch, d)
		}
	}
}

// Sixteen runs on one source at once, from nothing.
func TestManyRunsOnOneSource(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	workspacetest.Commit(t, repo, "Second")
	s := workspacetest.Store(t)
	src, err := workspace.Resolve(t.Context(), repo, []string{repo})
	must(t, err)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			id := "task_" + strings.Repeat("0", 11) + string(rune('a'+i))
			base, err := s.Prepare(t.Context(), id, src, "")
			if err != nil {
				t.Error(err)
				return
			}
			w, err := s.Workspace(t.Context(), id, "main", base.Commit)
			if err != nil {
				t.Error(err)
				return
			}
			if err := w.Write("mine", []byte(id)); err != nil {
				t.Error(err)
			}
			cp, _, err := w.Checkpoint(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			commit, err := s.Commit(t.Context(), id, workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: id})
			if err != nil {
				t.Error(err)
			}
			if _, err := s.Deliver(t.Context(), id, commit, "autonoma/"+id); err != nil {
				t.Error(err)
			}
			if err := s.Remove(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := strings.Count(workspacetest.Git(t, repo, "for-each-ref", "refs/heads/autonoma"), "\n") + 1; n != 16 {
		t.Errorf("there are %d branches", n)
	}
	workspacetest.Git(t, repo, "fsck", "--strict")
	if left, err := s.Leftovers(); len(left) != 0 || err != nil {
		t.Errorf("left over: %v %v", left, err)
	}
}
