package workspace_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

const someFiles = `
-- .gitignore --
*.o
/build/
node_modules/
!keep.o
-- a.txt --
one
-- dir/b.txt --
two
-- dir/deep/c.txt --
three
-- dir.txt --
sorts between
-- dir0 --
sorts after
`

// Checkpoints store what git add --all would, whatever an agent does.
func TestCheckpointStoresWhatGitWould(t *testing.T) {
	crlf := "-- .gitattributes --\n* text=auto\n*.bat eol=crlf\n*.bin -text\nid ident\n-- win.bat --\necho\n-- id --\n$Id$\n"
	for _, tt := range []struct {
		name, files string
		do          func(t *testing.T, dir string)
	}{
		{"nothing", someFiles, func(*testing.T, string) {}},
		{"edit", someFiles, func(t *testing.T, dir string) { write(t, dir, "a.txt", "uno") }},
		{"same size", someFiles, func(t *testing.T, dir string) { write(t, dir, "a.txt", "eno\n") }},
		{"add and delete", someFiles, func(t *testing.T, dir string) {
			write(t, dir, "new/x", "x")
			must(t, os.Remove(dir+"/dir/deep/c.txt"))
		}},
		{"delete all", someFiles, func(t *testing.T, dir string) {
			for _, name := range []string{".gitignore", "a.txt", "dir", "dir.txt", "dir0"} {
				must(t, os.RemoveAll(dir+"/"+name))
			}
		}},
		{"file becomes directory", someFiles, func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/a.txt"))
			write(t, dir, "a.txt/in", "x")
		}},
		{"directory becomes file", someFiles, func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/dir"))
			write(t, dir, "dir", "x")
		}},
		{"directory becomes link", someFiles, func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/dir"))
			must(t, os.Symlink("/etc", dir+"/dir"))
		}},
		{"file becomes link", someFiles, func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/a.txt"))
			must(t, os.Symlink("a.txt", dir+"/a.txt"))
		}},
		{"executable", someFiles, func(t *testing.T, dir string) { must(t, os.Chmod(dir+"/a.txt", 0o755)) }},
		{"group may execute", someFiles, func(t *testing.T, dir string) { must(t, os.Chmod(dir+"/a.txt", 0o654)) }},
		{"ignored", someFiles, func(t *testing.T, dir string) {
			write(t, dir, "x.o", "x")
			write(t, dir, "dir/keep.o", "x")
			write(t, dir, "build/out", "x")
			write(t, dir, "dir/build/out", "x")
			write(t, dir, "node_modules/p/keep.o", "x")
		}},
		{"new rules", someFiles, func(t *testing.T, dir string) {
			write(t, dir, "dir/.gitignore", "*\n!.gitignore\n!deep/\n")
			write(t, dir, "dir/no", "x")
			write(t, dir, "dir/deep/no", "x")
		}},
		{"tracked though ignored", someFiles + "-- build/tracked --\nx\n", func(t *testing.T, dir string) {
			write(t, dir, "build/tracked", "y")
			write(t, dir, "build/other", "x")
		}},
		{"odd names", someFiles, func(t *testing.T, dir string) {
			for _, name := range []string{"new\nline", `"quoted"`, "tab\t", "\xff\xfe", " ", "-rf", "*", "a\\b", "ünïcode"} {
				write(t, dir, name, name)
			}
		}},
		{"empty directories", someFiles, func(t *testing.T, dir string) { mkdir(t, dir+"/e/m/p/t/y") }},
		{"line ends", crlf, func(t *testing.T, dir string) {
			write(t, dir, "new.txt", "a\r\nb\r\n")
			write(t, dir, "win.bat", "echo\r\nmore\r\n")
			write(t, dir, "x.bin", "a\r\nb\r\n")
			write(t, dir, "mixed", "a\r\nb\n\x00")
			write(t, dir, "id", "$Id: whatever $\n")
		}},
		{"line ends, new rules", someFiles, func(t *testing.T, dir string) {
			write(t, dir, "sub/.gitattributes", "*.txt text\n")
			write(t, dir, "sub/a.txt", "a\r\n")
			write(t, dir, "other/a.txt", "a\r\n")
		}},
		{"encoding", "-- .gitattributes --\n*.u16 text working-tree-encoding=UTF-16LE\n", func(t *testing.T, dir string) {
			write(t, dir, "x.u16", "a\x00\n\x00")
		}},
		{"filter", "-- .gitattributes --\n* filter=evil\n", func(t *testing.T, dir string) { write(t, dir, "x", "x") }},
		{"links to rules", someFiles, func(t *testing.T, dir string) {
			must(t, os.Symlink("../.gitignore", dir+"/dir/.gitignore"))
			write(t, dir, "dir/build/x", "x")
		}},
		{"large", someFiles, func(t *testing.T, dir string) {
			write(t, dir, "large", strings.Repeat("0123456789abcde\n", 1<<19))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			repo := workspacetest.Repo(t, tt.files)
			s := workspacetest.Store(t)
			base := workspacetest.Prepare(t, s, run, repo)
			w, err := s.Workspace(t.Context(), run, "main", base.Commit)
			must(t, err)
			if cp, changed, err := w.Checkpoint(t.Context(), ""); changed || err != nil {
				t.Fatalf("changed before anything: %+v %v", cp, err)
			}
			tt.do(t, w.Dir())
			tt.do(t, repo)
			cp, changed, err := w.Checkpoint(t.Context(), tt.name)
			must(t, err)
			want := workspacetest.Commit(t, repo, "by git")
			if got := workspacetest.Git(t, repo, "rev-parse", want+"^{tree}"); got != cp.Tree || changed != (got != base.Tree) {
				t.Errorf("stored %s (changed: %v), git %s", cp.Tree, changed, got)
				diff, err := s.Diff(t.Context(), run, base.Commit, cp.Commit)
				t.Errorf("ours: %+v %v\ngit: %s", diff.Files, err, workspacetest.Git(t, repo, "show", "--stat", want))
			}
			if again, changed, err := w.Checkpoint(t.Context(), ""); changed || err != nil || again.Commit != cp.Commit {
				t.Errorf("changed again: %+v %v", again, err)
			}
			checkRestores(t, s, w, base.Commit, cp.Commit)
		})
	}
}

// checkRestores goes back and forth between two commits, in this process and
// as another would.
func checkRestores(t *testing.T, s *workspace.Store, w *workspace.Workspace, commits ...string) {
	t.Helper()
	for range 2 {
		for _, commit := range commits {
			must(t, w.Restore(t.Context(), commit))
			if cp, changed, err := w.Checkpoint(t.Context(), ""); changed || err != nil {
				t.Errorf("restored, but different: %+v %v", cp, err)
			}
		}
		must(t, w.Close())
		var err error
		if w, err = s.Workspace(t.Context(), run, "main", commits[len(commits)-1]); err != nil {
			t.Fatal(err)
		}
	}
}

// A long random life: every checkpoint is as git has it, and each can be
// restored from any other.
func TestCheckpointRandomly(t *testing.T) {
	repo := workspacetest.Repo(t, someFiles)
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	trees := map[string]string{base.Commit: base.Tree}
	commits := []string{base.Commit}
	for step := range 60 {
		for range 1 + random.IntN(4) {
			op, path, other, n := random.IntN(7), randomPath(random), randomPath(random), random.IntN(1000)
			for _, dir := range []string{w.Dir(), repo} {
				mutate(dir, op, path, other, n)
			}
		}
		cp, changed, err := w.Checkpoint(t.Context(), "")
		must(t, err)
		git := workspacetest.Git(t, repo, "rev-parse", workspacetest.Commit(t, repo, "x")+"^{tree}")
		if cp.Tree != git {
			t.Fatalf("step %d: stored %s, git %s", step, cp.Tree, git)
		}
		if changed {
			commits = append(commits, cp.Commit)
			trees[cp.Commit] = cp.Tree
		}
		if step%10 == 9 {
			to := commits[random.IntN(len(commits))]
			// In another workspace, as a restore may remove files that the rules
			// of now ignore and those of then do not.
			other, err := s.Workspace(t.Context(), run, "other", to)
			must(t, err)
			if again, changed, err := other.Checkpoint(t.Context(), ""); err != nil || changed || again.Tree != trees[to] {
				t.Fatalf("step %d: restored %s: %+v %v", step, to, again, err)
			}
		}
	}
}

func randomPath(r *rand.Rand) string {
	names := []string{"a", "b.txt", "dir", "deep", "x.o", "build", "keep.o"}
	path := names[r.IntN(len(names))]
	for range r.IntN(3) {
		path += "/" + names[r.IntN(len(names))]
	}
	return path
}

// mutate does one thing to a tree, the same to equal trees. What cannot be
// done is left.
func mutate(dir string, op int, path, other string, n int) {
	path, other = filepath.Join(dir, path), filepath.Join(dir, other)
	switch op {
	case 0, 1:
		os.MkdirAll(filepath.Dir(path), 0o755)
		os.WriteFile(path, fmt.Append(nil, n), 0o644)
	case 2:
		os.RemoveAll(path)
	case 3:
		os.Rename(path, other)
	case 4:
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			os.Chmod(path, 0o755)
		}
	case 5:
		os.Symlink(fmt.Sprint(n), path)
	case 6:
		os.WriteFile(filepath.Join(filepath.Dir(path), ".gitignore"), fmt.Appendf(nil, "%s\n!dir\n*%d\n", filepath.Base(other), n%10), 0o644)
	}
}

// What git would lose, choke on or wait for.
func TestCheckpointHostileFiles(t *testing.T) {
	w := workspacetest.New(t, someFiles)
	dir := w.Dir()
	must(t, syscall.Mkfifo(dir+"/pipe", 0o644))
	must(t, syscall.Mknod(dir+"/socket", syscall.S_IFSOCK|0o644, 0))
	nested := dir + "/nested"
	mkdir(t, nested)
	start(t, nested, "-- inner.txt --\nstays\n")
	for _, name := range []string{"dir/.git", "dir/.GIT", "dir/git~1", "dir/.git ", "dir/.git::$INDEX_ALLOCATION"} {
		write(t, dir, name, "gitdir: /etc\n")
	}
	must(t, os.Symlink("a.txt", dir+"/.gitmodules"))
	must(t, os.Symlink(".", dir+"/loop"))
	write(t, dir, "secretive/x", "x")
	must(t, os.Chmod(dir+"/secretive/x", 0))
	must(t, os.Chmod(dir+"/secretive", 0))
	huge, err := os.Create(dir + "/huge")
	must(t, err)
	must(t, huge.Truncate(1<<40))
	must(t, huge.Close())
	cp, changed, err := w.Checkpoint(t.Context(), "hostile")
	if !changed || err != nil {
		t.Fatalf("%+v %v %v", cp, changed, err)
	}
	if got := strings.Join(cp.Changed, " "); got != "loop nested/inner.txt secretive/x" {
		t.Errorf("stored %q", got)
	}
	if len(cp.Skipped) != 10 {
		t.Errorf("skipped %q", cp.Skipped)
	}
	must(t, w.Restore(t.Context(), cp.Commit))
	for _, name := range []string{"pipe", "socket", "huge"} {
		if _, err := os.Lstat(dir + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if _, err := os.Lstat(nested + "/.git/HEAD"); err != nil {
		t.Errorf("a repository of the agent is gone: %v", err)
	}
}

// No link that an agent puts in the way makes us write elsewhere.
func TestRestoreFollowsNoLinks(t *testing.T) {
	outside := realTemp(t)
	write(t, outside, "b.txt", "theirs")
	w := workspacetest.New(t, someFiles)
	base := w.Head()
	dir := w.Dir()
	must(t, os.RemoveAll(dir+"/dir"))
	must(t, os.Symlink(outside, dir+"/dir"))
	must(t, os.Remove(dir+"/a.txt"))
	must(t, os.Symlink(outside+"/new.txt", dir+"/a.txt"))
	before := fingerprint(t, outside, nil)
	must(t, w.Restore(t.Context(), base))
	if after := fingerprint(t, outside, nil); after != before {
		t.Errorf("outside is changed: %s", after)
	}
	if data, err := w.Read("dir/b.txt"); err != nil || string(data) != "two\n" {
		t.Errorf("%q %v", data, err)
	}
}

// Ignored files survive, unless the commit has something in their place.
func TestRestoreKeepsIgnored(t *testing.T) {
	w := workspacetest.New(t, someFiles)
	write(t, w.Dir(), "build/out", "x")
	write(t, w.Dir(), "dir/x.o", "x")
	write(t, w.Dir(), "made/up", "x")
	mkdir(t, w.Dir()+"/empty/er")
	must(t, os.RemoveAll(w.Dir()+"/a.txt"))
	write(t, w.Dir(), "a.txt/x.o", "in the way")
	must(t, w.Restore(t.Context(), w.Head()))
	for name, want := range map[string]bool{"build/out": true, "dir/x.o": true, "made": false, "empty": false, "a.txt/x.o": false, "a.txt": true} {
		if _, err := os.Lstat(filepath.Join(w.Dir(), name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	mkdir(t, filepath.Dir(path))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}
