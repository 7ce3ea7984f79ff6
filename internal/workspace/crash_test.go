package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"autonoma/internal/sandbox"
	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// TestMain also plays the process that is killed: started with a store and a
// source in its environment, it goes the way of a run and does nothing else.
func TestMain(m *testing.M) {
	sandbox.Init()
	if outside := os.Getenv(restless); outside != "" {
		beRestless(outside)
	}
	if dir := os.Getenv("WORKSPACE_VICTIM"); dir != "" {
		if _, err := wayOfARun(context.Background(), dir, os.Getenv("WORKSPACE_SOURCE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// wayOfARun does all that changes something on disk, as if for the first time,
// and returns the delivered commit.
func wayOfARun(ctx context.Context, dir, source string) (string, error) {
	s, err := workspace.Open(dir, workspace.Options{})
	if err != nil {
		return "", err
	}
	if err := s.Sweep(); err != nil {
		return "", err
	}
	src, err := workspace.Resolve(ctx, source, []string{source})
	if err != nil {
		return "", err
	}
	base, err := s.Prepare(ctx, run, src, "")
	if err != nil {
		return "", err
	}
	w, err := s.Workspace(ctx, run, "main", base.Commit)
	if err != nil {
		return "", err
	}
	if err := errors.Join(w.Write("a.txt", []byte("two\n")), w.Write("new/b.txt", []byte("three\n"))); err != nil {
		return "", err
	}
	cp, _, err := w.Checkpoint(ctx, "work")
	if err != nil {
		return "", err
	}
	if err := errors.Join(w.Write("a.txt", []byte("lost")), w.Restore(ctx, cp.Commit)); err != nil {
		return "", err
	}
	commit, err := s.Commit(ctx, run, workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: "Work", Date: time.Unix(1e9, 0)})
	if err != nil {
		return "", err
	}
	if _, err := s.Deliver(ctx, run, commit, "autonoma/"+run); err != nil {
		return "", err
	}
	return commit, s.Remove(ctx, run)
}

// A process killed at any moment leaves nothing that a repetition does not put
// right, with the same result.
func TestKill(t *testing.T) {
	source := workspacetest.Repo(t, someFiles)
	want, err := wayOfARun(t.Context(), realTemp(t), source)
	must(t, err)
	workspacetest.Git(t, source, "update-ref", "-d", "refs/heads/autonoma/"+run)
	start := time.Now()
	_, err = wayOfARun(t.Context(), realTemp(t), source)
	must(t, err)
	whole := time.Since(start)
	for i := range 24 {
		workspacetest.Git(t, source, "update-ref", "-d", "refs/heads/autonoma/"+run)
		dir := realTemp(t)
		victim := exec.Command(os.Args[0])
		victim.Env = append(os.Environ(), "WORKSPACE_VICTIM="+dir, "WORKSPACE_SOURCE="+source)
		must(t, victim.Start())
		killer := time.AfterFunc(whole*time.Duration(i+1)/20, func() { victim.Process.Kill() })
		victim.Wait() // it was killed, or done before
		killer.Stop()
		got, err := wayOfARun(t.Context(), dir, source)
		if err != nil || got != want {
			t.Fatalf("killed after %d/20: %s, %v; want %s", i+1, got, err, want)
		}
		if got := workspacetest.Git(t, source, "rev-parse", "autonoma/"+run); got != want {
			t.Errorf("killed after %d/20: the branch is at %s", i+1, got)
		}
	}
	workspacetest.Git(t, source, "fsck", "--strict")
	if status := workspacetest.Git(t, source, "status", "--porcelain"); status != "" {
		t.Errorf("the source is changed: %s", status)
	}
}

// Leftovers of a dead process in each place where one may be.
func TestLeftovers(t *testing.T) {
	source := workspacetest.Repo(t, someFiles)
	dir := realTemp(t)
	want, err := wayOfARun(t.Context(), realTemp(t), source)
	must(t, err)
	workspacetest.Git(t, source, "update-ref", "-d", "refs/heads/autonoma/"+run)
	for _, name := range []string{"sources/view-1/x", "runs/" + run + "/repo.git/objects/tmp_obj_1", "runs/" + run + "/trees/main/files/half", "runs/" + run + "/trees/main/index.lock"} {
		write(t, dir, name, "left")
	}
	write(t, source, ".git/refs/heads/autonoma/"+run+".lock", want[:20])
	got, err := wayOfARun(t.Context(), dir, source)
	if err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	if views, _ := filepath.Glob(dir + "/sources/view-*"); len(views) != 0 {
		t.Errorf("left: %v", views)
	}
}

// Cancelling ends git and whatever it started, at once.
func TestCancel(t *testing.T) {
	repo := workspacetest.Repo(t, someFiles)
	must(t, os.Remove(repo+"/.git/index"))
	must(t, syscall.Mkfifo(repo+"/.git/index", 0o600)) // whoever reads it waits
	must(t, os.Remove(repo+"/.git/HEAD"))
	must(t, syscall.Mkfifo(repo+"/.git/HEAD", 0o600))
	s := workspacetest.Store(t)
	src, err := workspace.Resolve(t.Context(), repo, []string{repo})
	must(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	time.AfterFunc(200*time.Millisecond, func() { cancel(cause) })
	begun := time.Now()
	if _, err := s.Prepare(ctx, run, src, ""); err == nil {
		t.Error("prepared from a pipe")
	}
	if time.Since(begun) > 5*time.Second {
		t.Errorf("it took %v", time.Since(begun))
	}
	cancel(cause)
	if _, err := s.Prepare(ctx, run, workspace.Source{Kind: workspace.SourceURL, Location: "https://127.0.0.1:1/x"}, ""); !errors.Is(err, cause) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// Once Prepare has answered, the source may move on.
func TestPrepareAnswersTheSame(t *testing.T) {
	repo := workspacetest.Repo(t, someFiles)
	s := workspacetest.Store(t)
	first := workspacetest.Prepare(t, s, run, repo)
	workspacetest.Commit(t, repo, "Moved on")
	if again := workspacetest.Prepare(t, s, run, repo); again.Commit != first.Commit {
		t.Errorf("first %s, then %s", first.Commit, again.Commit)
	}
	if other := workspacetest.Prepare(t, s, "task_other", repo); other.Commit == first.Commit {
		t.Error("a new run begins at the old commit")
	}
}

func TestBaseRef(t *testing.T) {
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	first := workspacetest.Git(t, repo, "rev-parse", "HEAD")
	workspacetest.Git(t, repo, "tag", "-a", "v1", "-m", "One")
	workspacetest.Git(t, repo, "branch", "side/way")
	second := workspacetest.Commit(t, repo, "Second")
	blob := workspacetest.Git(t, repo, "rev-parse", "HEAD:a.txt")
	s := workspacetest.Store(t)
	src, err := workspace.Resolve(t.Context(), repo, []string{repo})
	must(t, err)
	for i, tt := range []struct{ ref, commit, branch string }{
		{"", second, "main"}, {"HEAD", second, "main"}, {"main", second, "main"}, {"side/way", first, "side/way"}, {"v1", first, ""},
		{"refs/tags/v1", first, ""}, {first, first, ""}, {first[:8], first, ""}, {"refs/heads/main", second, "main"},
	} {
		base, err := s.Prepare(t.Context(), fmt.Sprintf("task_%d", i), src, tt.ref)
		if err != nil || base.Commit != tt.commit || base.Branch != tt.branch {
			t.Errorf("%q: %+v %v", tt.ref, base, err)
		}
	}
	for _, ref := range []string{"nope", "-x", "--upload-pack=x", "main~1", "main^", "a..b", "@{-1}", ":/x", "main:a.txt", blob, "1234567890123456789012345678901234567890", "a b", "a\nb", strings.Repeat("x", 300)} {
		_, err := s.Prepare(t.Context(), "task_x", src, ref)
		if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || refused.Reason != workspace.ReasonRef {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// Removing stores what was not stored, and is stopped by nothing.
func TestRemove(t *testing.T) {
	repo := workspacetest.Repo(t, someFiles)
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	w, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	write(t, w.Dir(), "late.txt", "kept")
	write(t, w.Dir(), "locked/x", "x")
	must(t, os.Chmod(w.Dir()+"/locked", 0))
	if left, err := s.Leftovers(); err != nil || fmt.Sprint(left) != "["+run+"]" {
		t.Errorf("left over: %v %v", left, err)
	}
	for range 2 {
		must(t, s.Remove(t.Context(), run))
	}
	if _, err := os.Lstat(w.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	ref := filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(w.Dir()))), "repo.git", "refs/autonoma/workspaces/main")
	head, err := os.ReadFile(ref)
	must(t, err)
	again, err := s.Workspace(t.Context(), run, "again", strings.TrimSpace(string(head)))
	must(t, err)
	if data, err := again.Read("late.txt"); err != nil || string(data) != "kept" {
		t.Errorf("what was not stored is lost: %q %v", data, err)
	}
}

// Git works for the agent, in place and as a sandbox would show it.
func TestAgentGit(t *testing.T) {
	repo := workspacetest.Repo(t, someFiles)
	workspacetest.Commit(t, repo, "Second")
	s := workspacetest.Store(t)
	base := workspacetest.Prepare(t, s, run, repo)
	first, err := s.Workspace(t.Context(), run, "main", base.Commit)
	must(t, err)
	must(t, first.Write("a.txt", []byte("uno\n")))
	cp, _, err := first.Checkpoint(t.Context(), "")
	must(t, err)
	second, err := s.Workspace(t.Context(), run, "next", cp.Commit)
	must(t, err)
	for _, w := range []*workspace.Workspace{first, second} {
		for _, moved := range []bool{false, true} {
			mounts, env := w.AgentGit(w.Dir(), "")
			if moved { // a copy stands for the mounts
				root := realTemp(t)
				mounts, env = w.AgentGit(w.Dir(), root)
				for _, m := range mounts {
					mkdir(t, m.Target)
					must(t, os.RemoveAll(m.Target))
					must(t, os.CopyFS(m.Target, os.DirFS(m.Source)))
				}
			}
			if len(mounts) != 3 || !mounts[0].Writable || mounts[1].Writable || mounts[2].Writable {
				t.Errorf("mounts: %+v", mounts)
			}
			git := func(args ...string) string {
				cmd := exec.Command("git", args...)
				cmd.Dir, cmd.Env = w.Dir(), append(env, "PATH="+os.Getenv("PATH"), "HOME="+w.Dir())
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("git %v: %v", args, err)
				}
				return strings.TrimSpace(string(out))
			}
			if got := git("status", "--short", "--branch"); got != "## main\n M a.txt" {
				t.Errorf("status: %q", got)
			}
			if got := git("diff", "--stat"); !strings.Contains(got, "a.txt | 2 +-") {
				t.Errorf("diff: %q", got)
			}
			if got := git("log", "--format=%s"); got != "Second\nStart" {
				t.Errorf("log: %q", got)
			}
			if moved {
				git("commit", "--quiet", "--all", "--message", "Mine")
			}
		}
	}
	if again, changed, err := first.Checkpoint(t.Context(), ""); changed || err != nil {
		t.Errorf("the agent's commits changed something: %+v %v", again, err)
	}
}
