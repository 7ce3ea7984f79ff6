package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// What is not a proper source is refused with a reason, and nothing happens.
func TestResolveRefuses(t *testing.T) {
	root := realTemp(t)
	outside := workspacetest.Repo(t, "-- a --\n")
	inner := filepath.Join(root, "inner")
	mkdir(t, filepath.Join(inner, "sub"))
	workspacetest.Git(t, inner, "init", "--quiet")
	must(t, os.Symlink(outside, filepath.Join(root, "link")))
	must(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	for name, content := range map[string]string{
		"gitfile-out":    "gitdir: " + outside + "/.git\n",
		"gitfile-junk":   "junk\n",
		"gitfile-absent": "gitdir: ../nowhere\n",
	} {
		mkdir(t, filepath.Join(root, name))
		must(t, os.WriteFile(filepath.Join(root, name, ".git"), []byte(content), 0o600))
	}
	mkdir(t, filepath.Join(root, "linked-git"))
	must(t, os.Symlink(outside+"/.git", filepath.Join(root, "linked-git", ".git")))
	mkdir(t, filepath.Join(root, "hollow", ".git"))
	mkdir(t, filepath.Join(root, "pipe-git", ".git", "objects", "info"))
	must(t, os.WriteFile(filepath.Join(root, "pipe-git", ".git", "HEAD"), []byte("ref: refs/heads/main\n"), 0o600))
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe-git", ".git", "objects", "info", "alternates"), 0o600))
	for name, edit := range map[string]func(git string){
		"borrows-out": func(git string) {
			must(t, os.WriteFile(git+"/objects/info/alternates", []byte(outside+"/.git/objects\n"), 0o600))
		},
		"pack-out": func(git string) {
			must(t, os.RemoveAll(git+"/objects/pack"))
			must(t, os.Symlink(outside+"/.git/objects/pack", git+"/objects/pack"))
		},
		"refs-out": func(git string) {
			must(t, os.RemoveAll(git+"/refs"))
			must(t, os.Symlink(outside+"/.git/refs", git+"/refs"))
		},
	} {
		dir := filepath.Join(root, name)
		mkdir(t, dir)
		workspacetest.Git(t, dir, "init", "--quiet")
		edit(dir + "/.git")
	}
	before := fingerprint(t, root, nil)
	for _, tt := range []struct {
		source string
		want   workspace.Reason
	}{
		{outside, workspace.ReasonOutside},
		{outside + "/missing", workspace.ReasonOutside},
		{"/etc/shadow", workspace.ReasonOutside},
		{root + "/../" + filepath.Base(filepath.Dir(outside)), workspace.ReasonOutside},
		{root + "/../../../../etc", workspace.ReasonOutside},
		{root + "/link", workspace.ReasonOutside},
		{root + "/link/a", workspace.ReasonOutside},
		{root + "/gitfile-out", workspace.ReasonOutside},
		{root + "/linked-git", workspace.ReasonOutside},
		{root + "/borrows-out", workspace.ReasonOutside},
		{root + "/pack-out", workspace.ReasonOutside},
		{root + "/refs-out", workspace.ReasonOutside},
		{"file://" + outside, workspace.ReasonOutside},
		{root + "/missing", workspace.ReasonMissing},
		{root + "/file", workspace.ReasonNoDirectory},
		{root + "/pipe", workspace.ReasonNoDirectory},
		{root + "/gitfile-junk", workspace.ReasonBroken},
		{root + "/gitfile-absent", workspace.ReasonBroken},
		{root + "/hollow", workspace.ReasonBroken},
		{root + "/pipe-git", workspace.ReasonBroken},
		{root + "/inner/sub", workspace.ReasonInside},
		{"../", workspace.ReasonForm},
		{".", workspace.ReasonForm},
		{"some/where", workspace.ReasonForm},
		{"-c", workspace.ReasonForm},
		{"--upload-pack=touch /tmp/x", workspace.ReasonForm},
		{"/a\nb", workspace.ReasonForm},
		{"/a\x00b", workspace.ReasonForm},
		{"/\xff", workspace.ReasonForm},
		{"/" + strings.Repeat("x", 5000), workspace.ReasonForm},
		{"ext::sh -c 'touch /tmp/x'", workspace.ReasonTransport},
		{"::x", workspace.ReasonTransport},
		{"fd::17", workspace.ReasonTransport},
		{"http://example.com/r.git", workspace.ReasonTransport},
		{"git://example.com/r.git", workspace.ReasonTransport},
		{"ftp://example.com/r.git", workspace.ReasonTransport},
		{"ext://x", workspace.ReasonTransport},
		{"https://user:pass@example.com/r.git", workspace.ReasonSecret},
		{"https://ghp_token@example.com/r.git", workspace.ReasonSecret},
		{"https://example.com/r.git?private_token=x", workspace.ReasonSecret},
		{"ssh://git:pw@example.com/r.git", workspace.ReasonSecret},
		{"ssh://-oProxyCommand=touch%20x/r.git", workspace.ReasonForm},
		{"ssh://git@-oProxyCommand=x/r.git", workspace.ReasonForm},
		{"ssh://-l@example.com/r.git", workspace.ReasonForm},
		{"https://example.com", workspace.ReasonForm},
		{"https:///r.git", workspace.ReasonForm},
		{"https://example.com/team/..;/r.git", workspace.ReasonForm},
		{"-oProxyCommand=x:r", workspace.ReasonForm},
		{"git@-oProxyCommand=x:r", workspace.ReasonForm},
		{"host:--upload-pack=x", workspace.ReasonForm},
		{"https://exa mple.com/%zz", workspace.ReasonForm},
		{"file://elsewhere/etc", workspace.ReasonForm},
	} {
		t.Run(tt.source[:min(len(tt.source), 60)], func(t *testing.T) {
			src, err := workspace.Resolve(t.Context(), tt.source, []string{root})
			refused, ok := errors.AsType[*workspace.SourceError](err)
			if !ok || refused.Reason != tt.want || refused.Hint == "" {
				t.Errorf("got %+v, %#v; want it refused: %s", src, err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), "ghp_")) {
				t.Errorf("the secret is repeated: %v", err)
			}
		})
	}
	if after := fingerprint(t, root, nil); after != before {
		t.Errorf("something changed:\n%s\nwas\n%s", after, before)
	}
}

func TestResolve(t *testing.T) {
	root := realTemp(t)
	repo := filepath.Join(root, "repo")
	mkdir(t, repo)
	workspacetest.Git(t, repo, "init", "--quiet", "--initial-branch=main")
	workspacetest.Commit(t, repo, "Start")
	workspacetest.Git(t, repo, "worktree", "add", "--quiet", "-b", "side", "../tree")
	workspacetest.Git(t, root, "clone", "--quiet", "--bare", "repo", "bare.git")
	workspacetest.Git(t, root, "clone", "--quiet", "--shared", "repo", "shared")
	mkdir(t, filepath.Join(root, "plain"))
	must(t, os.Symlink("repo", filepath.Join(root, "link")))
	alias := filepath.Join(realTemp(t), "alias")
	must(t, os.Symlink(root, alias))
	for _, tt := range []struct {
		source, location string
		kind             workspace.SourceKind
	}{
		{"", "", workspace.SourceNone},
		{repo, repo, workspace.SourceRepository},
		{repo + "/", repo, workspace.SourceRepository},
		{"file://" + repo, repo, workspace.SourceRepository},
		{root + "/link", repo, workspace.SourceRepository},
		{alias + "/repo", repo, workspace.SourceRepository},
		{root + "/tree", root + "/tree", workspace.SourceRepository},
		{root + "/bare.git", root + "/bare.git", workspace.SourceRepository},
		{root + "/shared", root + "/shared", workspace.SourceRepository},
		{root + "/plain", root + "/plain", workspace.SourceDirectory},
		{"https://example.com/r.git", "https://example.com/r.git", workspace.SourceURL},
		{"ssh://git@example.com:2222/r.git", "ssh://git@example.com:2222/r.git", workspace.SourceURL},
		{"git@example.com:team/r.git", "git@example.com:team/r.git", workspace.SourceURL},
	} {
		t.Run(tt.source, func(t *testing.T) {
			for _, roots := range [][]string{{root}, {"/nowhere", alias}} {
				src, err := workspace.Resolve(t.Context(), tt.source, roots)
				if err != nil || src.Kind != tt.kind || src.Location != tt.location {
					t.Errorf("got %+v, %v", src, err)
				}
			}
		})
	}
}

// Every odd but honest source can be worked on, and says what is odd.
func TestPrepareOddSources(t *testing.T) {
	files := "-- a.txt --\none\n-- .gitattributes --\n*.bin filter=lfs diff=lfs merge=lfs -text\n"
	for _, tt := range []struct {
		name    string
		make    func(t *testing.T, dir string) // in an empty directory
		notices string
		files   string
		branch  string // of the delivery: whether there is one
	}{
		{"plain", func(t *testing.T, dir string) { start(t, dir, "-- a.txt --\none\n") }, "", "a.txt", "branch"},
		{"nothing committed", func(t *testing.T, dir string) { workspacetest.Git(t, dir, "init", "--quiet") }, "empty", "", "branch"},
		{"bare", func(t *testing.T, dir string) {
			workspacetest.Git(t, dir, "clone", "--quiet", "--bare", workspacetest.Repo(t, "-- a.txt --\none\n"), ".")
		}, "", "a.txt", "branch"},
		{"bare, nothing committed", func(t *testing.T, dir string) { workspacetest.Git(t, dir, "init", "--quiet", "--bare") }, "empty", "", "branch"},
		{"dirty", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			workspacetest.Write(t, dir, "-- a.txt --\ntwo!\n-- new.txt --\n")
		}, "dirty", "a.txt", "branch"},
		{"detached", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			workspacetest.Git(t, dir, "checkout", "--quiet", "--detach")
		}, "", "a.txt", "branch"},
		{"packed", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			workspacetest.Git(t, dir, "gc", "--quiet")
		}, "", "a.txt", "branch"},
		{"sha256", func(t *testing.T, dir string) {
			workspacetest.Git(t, dir, "init", "--quiet", "--object-format=sha256")
			workspacetest.Write(t, dir, "-- a.txt --\none\n")
			workspacetest.Commit(t, dir, "Start")
		}, "", "a.txt", "branch"},
		{"large files by pointer", func(t *testing.T, dir string) { start(t, dir, files) }, "lfs", ".gitattributes a.txt", "branch"},
		{"submodule", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			workspacetest.Git(t, dir, "update-index", "--add", "--cacheinfo", "160000,1234567890123456789012345678901234567890,sub")
			workspacetest.Git(t, dir, "commit", "--quiet", "-m", "sub")
			mkdir(t, dir+"/sub")
		}, "submodules", "a.txt", "branch"},
		{"shallow", func(t *testing.T, dir string) {
			from := workspacetest.Repo(t, "-- a.txt --\none\n")
			workspacetest.Commit(t, from, "More")
			workspacetest.Git(t, dir, "clone", "--quiet", "--depth=1", "file://"+from, ".")
		}, "shallow", "a.txt", "branch"},
		{"borrowing", func(t *testing.T, dir string) {
			from := filepath.Join(filepath.Dir(dir), "lender")
			mkdir(t, from)
			start(t, from, "-- a.txt --\none\n")
			workspacetest.Git(t, dir, "clone", "--quiet", "--shared", from, ".")
		}, "", "a.txt", "branch"},
		{"worktree", func(t *testing.T, dir string) {
			from := filepath.Join(filepath.Dir(dir), "main")
			mkdir(t, from)
			start(t, from, "-- a.txt --\none\n")
			workspacetest.Git(t, from, "worktree", "add", "--quiet", "-b", "side", dir)
		}, "", "a.txt", "branch"},
		{"of another user", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			giveAway(t, dir)
		}, "", "a.txt", "branch"},
		{"no repository", func(t *testing.T, dir string) {
			workspacetest.Write(t, dir, "-- a.txt --\none\n-- x.o --\n-- .gitignore --\n*.o\n")
			must(t, syscall.Mkfifo(dir+"/pipe", 0o600))
		}, "directory", ".gitignore a.txt", "artifacts"},
		{"no repository, with one inside", func(t *testing.T, dir string) {
			mkdir(t, dir+"/sub")
			start(t, dir+"/sub", "-- a.txt --\none\n")
		}, "directory", "sub/a.txt", "artifacts"},
		{"odd names", func(t *testing.T, dir string) {
			start(t, dir, "-- a.txt --\none\n")
			must(t, os.WriteFile(dir+"/new\nline \"quoted\"\t\xff", []byte("\xff\xfe"), 0o644))
			workspacetest.Commit(t, dir, "Odd")
		}, "", "a.txt new\nline \"quoted\"\t\xff", "branch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := realTemp(t)
			dir := filepath.Join(root, "source")
			mkdir(t, dir)
			tt.make(t, dir)
			before := fingerprint(t, root, added)
			src, err := workspace.Resolve(t.Context(), dir, []string{root})
			if err != nil {
				t.Fatal(err)
			}
			s := workspacetest.Store(t)
			base, err := s.Prepare(t.Context(), run, src, "")
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, n := range base.Notices {
				codes = append(codes, n.Code)
			}
			if got := strings.Join(codes, " "); got != tt.notices {
				t.Errorf("notices %q, want %q", got, tt.notices)
			}
			w, err := s.Workspace(t.Context(), run, "main", base.Commit)
			if err != nil {
				t.Fatal(err)
			}
			paths, _, err := w.Glob(t.Context(), "**")
			if got := strings.Join(paths, " "); got != tt.files || err != nil {
				t.Errorf("files %q, %v, want %q", got, err, tt.files)
			}
			if _, changed, err := w.Checkpoint(t.Context(), ""); changed || err != nil {
				t.Errorf("a fresh checkout is changed: %v %v", changed, err)
			}
			must(t, w.Write("b.txt", []byte("two\n")))
			cp, changed, err := w.Checkpoint(t.Context(), "")
			if !changed || err != nil || strings.Join(cp.Changed, " ") != "b.txt" {
				t.Fatalf("%+v %v %v", cp, changed, err)
			}
			commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: "Two"})
			if err != nil {
				t.Fatal(err)
			}
			d, err := s.Deliver(t.Context(), run, commit, "autonoma/x")
			if err != nil || string(d.How) != tt.branch {
				t.Fatalf("delivered %+v, %v", d, err)
			}
			if tt.branch == "branch" {
				must(t, os.Chown(dir, os.Getuid(), os.Getgid())) // or the test's own git refuses
				if got := workspacetest.Git(t, dir, "-c", "safe.directory=*", "show", "autonoma/x:b.txt"); got != "two" {
					t.Errorf("the branch has %q", got)
				}
			}
			if after := fingerprint(t, root, added); before != after {
				t.Errorf("the source changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// added tells what a delivery may add.
func added(path string) bool {
	return strings.Contains(path, "objects/pack/pack-") || strings.Contains(path, "refs/heads/autonoma")
}

// start makes a repository with one commit in an empty directory.
func start(t *testing.T, dir, files string) {
	t.Helper()
	workspacetest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	workspacetest.Write(t, dir, files)
	workspacetest.Commit(t, dir, "Start")
}

// giveAway makes a directory another user's, if this one may.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return // the rest of the case holds all the same
	}
	must(t, filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 4242, 4242)
	}))
}

func realTemp(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	return dir
}

func mkdir(t testing.TB, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
