package workspace_test

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// A forge serves the repositories below root over https, as forges do: by
// git's own server program.
func forge(t *testing.T, root string) (url string, trust []string) {
	t.Helper()
	return guarded(t, root, "")
}

// guarded is a forge that shows its repositories to those who know the password, if
// there is one.
func guarded(t *testing.T, root, password string) (url string, trust []string) {
	t.Helper()
	program := filepath.Join(workspacetest.Git(t, root, "--exec-path"), "git-http-backend")
	git := &cgi.Handler{
		Path: program, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=test"},
		InheritEnv: []string{"PATH"}, Stderr: io.Discard,
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, said, _ := r.BasicAuth(); said != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(realTemp(t), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	return server.URL, []string{"GIT_SSL_CAINFO=" + file}
}

// The way of a run whose source is elsewhere, with and without leave to push.
func TestRunOnURL(t *testing.T) {
	root := realTemp(t)
	origin := filepath.Join(root, "r.git")
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	first := workspacetest.Git(t, repo, "rev-parse", "HEAD")
	workspacetest.Git(t, repo, "tag", "-a", "v1", "-m", "One")
	second := workspacetest.Commit(t, repo, "Second")
	workspacetest.Git(t, root, "clone", "--quiet", "--bare", repo, origin)
	workspacetest.Git(t, root, "init", "--quiet", "--bare", "empty.git")
	url, trust := forge(t, root)
	for _, push := range []bool{false, true} {
		s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust, Push: push})
		must(t, err)
		src, err := workspace.Resolve(t.Context(), url+"/r.git", nil)
		must(t, err)
		for i, tt := range []struct{ ref, commit, branch string }{
			{"", second, "main"}, {"main", second, "main"}, {"v1", first, ""}, {first, first, ""}, {first, first, ""},
		} {
			base, err := s.Prepare(t.Context(), run+string(rune('a'+i)), src, tt.ref)
			if err != nil || base.Commit != tt.commit || base.Branch != tt.branch || base.Tree == "" {
				t.Errorf("%q: %+v %v", tt.ref, base, err)
			}
		}
		for _, ref := range []string{"nope", second[:8]} {
			_, err := s.Prepare(t.Context(), "task_x", src, ref)
			if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || refused.Reason != workspace.ReasonRef {
				t.Errorf("%q: %v", ref, err)
			}
		}
		base, err := s.Prepare(t.Context(), run, src, "")
		must(t, err)
		w, err := s.Workspace(t.Context(), run, "main", base.Commit)
		must(t, err)
		must(t, w.Write("a.txt", []byte("two\n")))
		cp, _, err := w.Checkpoint(t.Context(), "")
		must(t, err)
		commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: cp.Commit, Parents: []string{base.Commit}, Message: "Two"})
		must(t, err)
		want := workspace.Delivery{How: workspace.HandoverArtifacts, Commit: commit, Why: "pushing is not allowed by the operator"}
		if push {
			want = workspace.Delivery{How: workspace.HandoverPush, Commit: commit, Branch: "autonoma/" + run}
			workspacetest.Git(t, origin, "config", "http.receivepack", "true")
		}
		before := workspacetest.Git(t, origin, "for-each-ref", "refs/heads/main", "refs/tags")
		for range 2 {
			if d, err := s.Deliver(t.Context(), run, commit, "autonoma/"+run); err != nil || d != want {
				t.Fatalf("delivered %+v, %v", d, err)
			}
		}
		if after := workspacetest.Git(t, origin, "for-each-ref", "refs/heads/main", "refs/tags"); after != before {
			t.Errorf("references are %s, were %s", after, before)
		}
		if !push {
			continue
		}
		if got := workspacetest.Git(t, origin, "show", "autonoma/"+run+":a.txt"); got != "two" {
			t.Errorf("the branch has %q", got)
		}
		if d, err := s.Deliver(t.Context(), run, base.Commit, "autonoma/"+run); !errors.Is(err, workspace.ErrBranchTaken) {
			t.Errorf("delivered %+v, %v", d, err)
		}
	}
}

func TestPrepareOddURLs(t *testing.T) {
	root := realTemp(t)
	workspacetest.Git(t, root, "init", "--quiet", "--bare", "empty.git")
	url, trust := forge(t, root)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	away := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(away.Close)
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust})
	must(t, err)
	base, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: url + "/empty.git"}, "")
	if err != nil || !base.Empty {
		t.Errorf("without commits: %+v %v", base, err)
	}
	for _, location := range []string{
		url + "/missing.git", away.URL + "/r.git", // not trusted, and leads to http
		plain.URL + "/r.git", "file://" + root + "/empty.git", root + "/empty.git", "ext::sh -c true", // what Resolve refuses is refused again
	} {
		base, err := s.Prepare(t.Context(), "task_x", workspace.Source{Kind: workspace.SourceURL, Location: location}, "")
		if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || refused.Reason != workspace.ReasonUnreachable {
			t.Errorf("%s: %+v %v", location, base, err)
		}
	}
}
