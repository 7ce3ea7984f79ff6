package workspace_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"autonoma/internal/workspace"
	"autonoma/internal/workspace/workspacetest"
)

// by returns what lets everybody reach everything in one way.
func by(access workspace.Access) func(context.Context, string, string) (workspace.Access, error) {
	return func(context.Context, string, string) (workspace.Access, error) { return access, nil }
}

// origin makes a bare repository below root that may be pushed to.
func origin(t *testing.T, root string) (dir, head string) {
	t.Helper()
	repo := workspacetest.Repo(t, "-- a.txt --\none\n")
	dir = filepath.Join(root, "r.git")
	workspacetest.Git(t, root, "clone", "--quiet", "--bare", repo, dir)
	workspacetest.Git(t, dir, "config", "http.receivepack", "true")
	return dir, workspacetest.Git(t, repo, "rev-parse", "HEAD")
}

// push goes the way of a run on a remote, up to the delivery.
func push(t *testing.T, s *workspace.Store, location, branch string) (string, error) {
	t.Helper()
	src, err := workspace.Resolve(t.Context(), location, nil)
	must(t, err)
	base, err := s.Prepare(t.Context(), run, src, "")
	if err != nil {
		return "", err
	}
	commit, err := s.Commit(t.Context(), run, workspace.CommitRequest{Checkpoint: base.Commit, Parents: []string{base.Commit}, Message: "Same"})
	must(t, err)
	_, err = s.Deliver(t.Context(), run, commit, branch)
	return commit, err
}

// recorder puts a program before git that writes down how git is started. It returns
// what reads that, a call a line, and the same of the environments.
func recorder(t *testing.T) (calls, envs func() []string) {
	t.Helper()
	git, err := exec.LookPath("git")
	must(t, err)
	dir := realTemp(t)
	script := "#!/bin/sh\nprintf '%s\\037' \"$@\" >>" + dir + "/calls\necho >>" + dir + "/calls\nenv | tr '\\n' '\\037' >>" + dir + "/envs\necho >>" + dir + "/envs\nexec " + git + " \"$@\"\n"
	must(t, os.WriteFile(dir+"/git", []byte(script), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	lines := func(name string) func() []string {
		return func() []string {
			text, err := os.ReadFile(dir + "/" + name)
			must(t, err)
			return strings.Split(strings.TrimSpace(string(text)), "\n")
		}
	}
	return lines("calls"), lines("envs")
}

// Whatever is delivered to a remote goes to the run's own branch: no other reference is
// named, nothing is forced, and the password is in no argument, and in the environment
// of those calls alone that reach the remote.
func TestPushWritesOneBranch(t *testing.T) {
	const password = "p4ss-w0rd-of-the-forge"
	root := realTemp(t)
	dir, _ := origin(t, root)
	url, trust := guarded(t, root, password)
	calls, envs := recorder(t)
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust, Push: true, Reach: by(workspace.Access{Name: "a", User: "me", Password: password})})
	must(t, err)
	before := workspacetest.Git(t, dir, "for-each-ref")
	for _, branch := range []string{"autonoma/x", "autonoma/" + run + "2", "main", "autonoma/-f", "autonoma/" + run + ":refs/heads/main", "autonoma/$(touch x)"} {
		if commit, err := push(t, s, url+"/r.git", branch); err == nil {
			t.Errorf("%s was pushed to %q", commit, branch)
		}
	}
	if after := workspacetest.Git(t, dir, "for-each-ref"); after != before {
		t.Errorf("references are %s, were %s", after, before)
	}
	commit, err := push(t, s, url+"/r.git", "autonoma/"+run)
	must(t, err)
	if after := workspacetest.Git(t, dir, "for-each-ref"); after != commit+" commit\trefs/heads/autonoma/"+run+"\n"+before {
		t.Errorf("references are %s, were %s", after, before)
	}
	pushes := 0
	refspec := regexp.MustCompile(`^[0-9a-f]{40}:refs/heads/autonoma/` + run + `$`)
	for i, call := range calls() {
		args := strings.Split(strings.TrimSuffix(call, "\x1f"), "\x1f")
		remote := slices.Contains(args, url+"/r.git")
		if strings.Contains(call, password) || strings.Contains(envs()[i], password) != remote {
			t.Errorf("the password is told to git %q", args)
		}
		at := slices.Index(args, "push")
		if at < 0 {
			continue
		}
		pushes++
		rest := args[at+1:]
		end := slices.Index(rest, "--end-of-options")
		if end < 0 || len(rest) != end+3 || rest[end+1] != url+"/r.git" || !refspec.MatchString(rest[end+2]) ||
			!slices.Equal(rest[:end], []string{"--quiet", "--no-verify", "--force-with-lease=refs/heads/autonoma/" + run + ":"}) {
			t.Errorf("git push %q", rest)
		}
	}
	if pushes != 1 {
		t.Errorf("there were %d pushes", pushes)
	}
}

// The branch of the run that somebody else has put there stays theirs, also if they do
// so between our look and our push.
func TestPushForcesNothing(t *testing.T) {
	root := realTemp(t)
	dir, head := origin(t, root)
	url, trust := forge(t, root)
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust, Push: true})
	must(t, err)
	workspacetest.Git(t, dir, "update-ref", "refs/heads/autonoma/"+run, head)
	if commit, err := push(t, s, url+"/r.git", "autonoma/"+run); !errors.Is(err, workspace.ErrBranchTaken) {
		t.Errorf("%s is pushed over theirs: %v", commit, err)
	}
	workspacetest.Git(t, dir, "update-ref", "-d", "refs/heads/autonoma/"+run)
	// Their push comes first: it is done when ours has begun.
	hook := dir + "/hooks/pre-receive"
	must(t, os.MkdirAll(filepath.Dir(hook), 0o755))
	must(t, os.WriteFile(hook, []byte("#!/bin/sh\nenv -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES git update-ref refs/heads/autonoma/"+run+" "+head+"\n"), 0o755))
	if commit, err := push(t, s, url+"/r.git", "autonoma/"+run); err == nil {
		t.Errorf("%s is pushed over theirs", commit)
	}
	if at := workspacetest.Git(t, dir, "rev-parse", "refs/heads/autonoma/"+run); at != head {
		t.Errorf("their branch is at %s", at)
	}
}

// Git connects to the address that was judged, and looks up no name itself.
func TestPinnedAddress(t *testing.T) {
	root := realTemp(t)
	_, head := origin(t, root)
	url, trust := forge(t, root)
	location := strings.Replace(url, "127.0.0.1", "example.com", 1) + "/r.git" // which the certificate is for as well
	for _, tt := range []struct {
		to   string
		good bool
	}{{"127.0.0.1", true}, {"127.0.0.77", false}} {
		s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust, Reach: by(workspace.Access{Addresses: []netip.Addr{netip.MustParseAddr(tt.to)}})})
		must(t, err)
		base, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: location}, "")
		if (err == nil && base.Commit == head) != tt.good {
			t.Errorf("at %s: %+v %v", tt.to, base, err)
		}
	}
}

// A server that is reached leads nowhere else, and what was said to it is said to no
// other, not even below another path of its own.
func TestRedirectsAreNotFollowed(t *testing.T) {
	const password = "p4ss-w0rd-of-the-forge"
	var there, told atomic.Int32
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { there.Add(1) }))
	t.Cleanup(elsewhere.Close)
	to := elsewhere.URL
	sender := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/theirs") {
			told.Add(1)
			return
		}
		if _, _, known := r.BasicAuth(); !known && strings.HasPrefix(r.URL.Path, "/private") {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusMovedPermanently)
	}))
	t.Cleanup(sender.Close)
	file := filepath.Join(realTemp(t), "ca.pem") // httptest has one certificate for all
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sender.Certificate().Raw}), 0o600))
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: []string{"GIT_SSL_CAINFO=" + file}, Reach: by(workspace.Access{Name: "a", User: "me", Password: password})})
	must(t, err)
	for _, where := range []string{elsewhere.URL, sender.URL + "/theirs"} {
		to = where
		for _, path := range []string{"/public/r.git", "/private/r.git"} {
			_, err := s.Prepare(t.Context(), run, workspace.Source{Kind: workspace.SourceURL, Location: sender.URL + path}, "")
			if refused, ok := errors.AsType[*workspace.SourceError](err); !ok || !strings.Contains(refused.Hint, "give its present URL") {
				t.Errorf("%s to %s: %v", path, where, err)
			}
		}
	}
	if there.Load()+told.Load() > 0 {
		t.Errorf("asked elsewhere %d times, and below another path %d times", there.Load(), told.Load())
	}
}

// What was fetched with a credential is not for whoever lacks it and knows a commit.
func TestCacheOfACredential(t *testing.T) {
	const password = "p4ss-w0rd-of-the-forge"
	root := realTemp(t)
	_, head := origin(t, root)
	url, trust := guarded(t, root, password)
	s, err := workspace.Open(realTemp(t), workspace.Options{Network: trust, Reach: func(_ context.Context, tenant, _ string) (workspace.Access, error) {
		if tenant == "member" {
			return workspace.Access{Name: "a", User: "me", Password: password}, nil
		}
		return workspace.Access{}, nil
	}})
	must(t, err)
	for _, tt := range []struct {
		id, tenant string
		good       bool
	}{{"task_1", "member", true}, {"task_2", "other", false}, {"task_3", "member", true}} {
		base, err := s.Prepare(t.Context(), tt.id, workspace.Source{Kind: workspace.SourceURL, Location: url + "/r.git", Tenant: tt.tenant}, head)
		if (err == nil && base.Commit == head) != tt.good {
			t.Errorf("%s: %+v %v", tt.tenant, base, err)
		}
	}
}
