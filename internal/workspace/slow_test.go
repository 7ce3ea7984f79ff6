package workspace_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// prepare takes the way of a source to the base of a run.
func prepare(t *testing.T, repo string, opts workspace.Options, meanwhile func()) error {
	t.Helper()
	s, err := workspace.Open(realTemp(t), opts)
	must(t, err)
	src, err := workspace.Resolve(t.Context(), repo, []string{repo})
	if err != nil {
		return err
	}
	meanwhile()
	_, err = s.Prepare(t.Context(), run, src, "")
	return err
}

// pipe puts a pipe in the place of whatever is there.
func pipe(t *testing.T, path string) {
	t.Helper()
	must(t, os.RemoveAll(path))
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, syscall.Mkfifo(path, 0o644))
}

// object returns the file of an object.
func object(t *testing.T, repo, name string) string {
	t.Helper()
	id := workspacetest.Git(t, repo, "rev-parse", name)
	return filepath.Join(repo, ".git/objects", id[:2], id[2:])
}

// A repository with something that git would wait for is refused, and git is not
// asked.
func TestSourceOfPipes(t *testing.T) {
	for name, plot := range map[string]func(t *testing.T, repo string){
		"reference":       func(t *testing.T, repo string) { pipe(t, repo+"/.git/refs/heads/x/y") },
		"branch of HEAD":  func(t *testing.T, repo string) { pipe(t, repo+"/.git/refs/heads/main") },
		"all references":  func(t *testing.T, repo string) { pipe(t, repo+"/.git/packed-refs") },
		"object":          func(t *testing.T, repo string) { pipe(t, object(t, repo, "HEAD:a.txt")) },
		"index of a pack": func(t *testing.T, repo string) { pipe(t, repo+"/.git/objects/pack/pack-1.idx") },
		"borrowing":       func(t *testing.T, repo string) { pipe(t, repo+"/.git/objects/info/alternates") },
		"shallow":         func(t *testing.T, repo string) { pipe(t, repo+"/.git/shallow") },
		"HEAD":            func(t *testing.T, repo string) { pipe(t, repo+"/.git/HEAD") },
		"configuration":   func(t *testing.T, repo string) { pipe(t, repo+"/.git/config") },
		"socket": func(t *testing.T, repo string) {
			must(t, syscall.Mknod(repo+"/.git/refs/heads/x", syscall.S_IFSOCK|0o644, 0))
		},
		"behind a link": func(t *testing.T, repo string) {
			pipe(t, repo+"/pipe")
			must(t, os.Symlink("../../../pipe", repo+"/.git/refs/heads/x"))
		},
		"in a linked directory": func(t *testing.T, repo string) {
			pipe(t, repo+"/more/x")
			must(t, os.Symlink("../../../more", repo+"/.git/refs/heads/more"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := workspacetest.Repo(t, "-- a.txt --\none\n")
			plot(t, repo)
			err := prepare(t, repo, workspace.Options{}, func() {})
			refused, ok := errors.AsType[*workspace.SourceError](err)
			if !ok || refused.Reason != workspace.ReasonBroken || errors.Is(err, workspace.ErrSlow) {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

// One that comes by such things later keeps git waiting only so long.
func TestSlowSource(t *testing.T) {
	for name, path := range map[string]func(t *testing.T, repo string) string{
		"to be asked":   func(_ *testing.T, repo string) string { return repo + "/.git/refs/heads/main" },
		"to be fetched": func(t *testing.T, repo string) string { return object(t, repo, "HEAD:a.txt") },
	} {
		t.Run(name, func(t *testing.T) {
			repo := workspacetest.Repo(t, "-- a.txt --\none\n")
			err := prepare(t, repo, workspace.Options{FetchTime: 300 * time.Millisecond}, func() { pipe(t, path(t, repo)) })
			refused, ok := errors.AsType[*workspace.SourceError](err)
			if !ok || refused.Reason != workspace.ReasonUnreachable || !errors.Is(err, workspace.ErrSlow) || !strings.Contains(err.Error(), "no answer within 300ms") {
				t.Errorf("refused with %v", err)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		silent, err := net.Listen("tcp", "127.0.0.1:0") // takes calls and says nothing
		must(t, err)
		t.Cleanup(func() { silent.Close() })
		s, err := workspace.Open(realTemp(t), workspace.Options{FetchTime: 300 * time.Millisecond})
		must(t, err)
		_, err = s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: "https://" + silent.Addr().String() + "/r.git"}, "")
		if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || refused.Reason != workspace.ReasonUnreachable || !errors.Is(err, workspace.ErrSlow) {
			t.Errorf("refused with %v", err)
		}
	})
}

// A commit of more files than are allowed is refused before they are checked out,
// however few objects it has.
func TestSourceOfManyFiles(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\n-- b.txt --\n-- c/d.txt --\n")
	must(t, prepare(t, repo, workspace.Options{MaxFiles: 3}, func() {}))
	refuses := func(err error) {
		t.Helper()
		refused, ok := errors.AsType[*workspace.SourceError](err)
		if !ok || refused.Reason != workspace.ReasonTooLarge || !strings.Contains(err.Error(), "the commit has more than") {
			t.Errorf("refused with %v", err)
		}
	}
	refuses(prepare(t, repo, workspace.Options{MaxFiles: 2}, func() {}))

	tree := workspacetest.Git(t, repo, "rev-parse", "HEAD^{tree}")
	for range 12 { // of ten each
		var list strings.Builder
		for _, name := range strings.Split("0123456789", "") {
			list.WriteString("040000 tree " + tree + "\t" + name + "\n")
		}
		cmd := exec.Command("git", "mktree")
		cmd.Dir, cmd.Stdin = repo, strings.NewReader(list.String())
		out, err := cmd.Output()
		must(t, err)
		tree = strings.TrimSpace(string(out))
	}
	workspacetest.Git(t, repo, "update-ref", "HEAD", workspacetest.Git(t, repo, "commit-tree", "-m", "many", tree))
	must(t, os.Remove(repo+"/.git/index")) // or git compares it for seconds, to tell whether it is dirty
	refuses(prepare(t, repo, workspace.Options{MaxFiles: 10_000}, func() {}))
}
