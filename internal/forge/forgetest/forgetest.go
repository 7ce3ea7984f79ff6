// Package forgetest is a forge for tests: real git repositories, served by git's own
// program, and as much of the API of a kind of forge as pull requests need. It shows
// nothing to those who lack its token.
package forgetest

import (
	"cmp"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"autonoma/internal/forge"
	"autonoma/internal/workspace/workspacetest"
)

// Token is what the forge wants to see.
const Token = "forge_5ecret_t0ken"

// Path is where its one repository is.
const Path = "owner/name"

// A Pull is a pull request that was opened.
type Pull struct{ Branch, Base, Title, Body, State string }

// A Forge is a forge with one repository, which is empty.
type Forge struct {
	Kind forge.Kind
	Repo string // its bare repository

	// Before is asked before each call of the API; it reports whether it answered
	// itself. After is told when a pull request was opened, before the answer.
	Before func(http.ResponseWriter, *http.Request) bool
	After  func()

	root string
	git  http.Handler

	mu    sync.Mutex
	pulls []Pull
	calls []string
}

// New returns a forge that serves nobody yet: it is a handler.
func New(t testing.TB, kind forge.Kind) *Forge {
	t.Helper()
	root := t.TempDir()
	f := &Forge{Kind: kind, root: root, Repo: filepath.Join(root, Path+".git")}
	if err := os.MkdirAll(filepath.Dir(f.Repo), 0o755); err != nil {
		t.Fatal(err)
	}
	workspacetest.Git(t, root, "init", "--quiet", "--bare", "--initial-branch=main", f.Repo)
	workspacetest.Git(t, f.Repo, "config", "http.receivepack", "true")
	f.git = &cgi.Handler{
		Path:       filepath.Join(workspacetest.Git(t, root, "--exec-path"), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "REMOTE_USER=test"},
		InheritEnv: []string{"PATH"}, Stderr: io.Discard,
	}
	return f
}

// Serve serves the forge over https. It returns its host, and a file with the
// certificate that its clients have to trust.
func (f *Forge) Serve(t testing.TB) (host, trust string) {
	t.Helper()
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	trust = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(trust, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(server.URL, "https://"), trust
}

// Pulls returns the pull requests that were opened.
func (f *Forge) Pulls() []Pull {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Pull(nil), f.pulls...)
}

// Add adds a pull request that somebody else has opened.
func (f *Forge) Add(p Pull) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls = append(f.pulls, p)
}

// Calls returns the calls of the API: method, path and query.
func (f *Forge) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}

// ServeHTTP answers as the kind of forge does.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api, auth, home := "/api/v1", "token "+Token, "/repos/"+Path
	switch f.Kind {
	case forge.GitHub:
		api, auth = "/api/v3", "Bearer "+Token
	case forge.GitLab:
		api, auth, home = "/api/v4", Token, "/projects/owner%2Fname"
	case forge.Gitea:
	}
	rest, isAPI := strings.CutPrefix(r.URL.EscapedPath(), api)
	if !isAPI {
		if _, password, _ := r.BasicAuth(); password != Token {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		f.git.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	f.calls = append(f.calls, r.Method+" "+r.URL.RequestURI())
	f.mu.Unlock()
	if f.Before != nil && f.Before(w, r) {
		return
	}
	switch below, ours := strings.CutPrefix(rest, home); {
	case cmp.Or(r.Header.Get("PRIVATE-TOKEN"), r.Header.Get("Authorization")) != auth,
		f.Kind == forge.GitHub && r.Header.Get("X-GitHub-Api-Version") == "":
		f.say(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials"})
	case !ours:
		f.say(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	case below == "":
		f.say(w, http.StatusOK, map[string]any{"default_branch": "main"})
	case r.Method == http.MethodGet:
		f.list(w, r)
	default:
		f.open(w, r)
	}
}

func (f *Forge) say(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may be gone
}

// list tells of pull requests, the newest first, as far as the query asks for them.
func (f *Forge) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	wanted := cmp.Or(strings.TrimPrefix(q.Get("head"), "owner:"), q.Get("source_branch"))
	all := []any{}
	for i, p := range f.Pulls() {
		named := p.Branch
		if f.Kind == forge.GitLab { // it asks for the name alone, whoever's the branch is
			named = strings.TrimPrefix(named, "fork:")
		}
		if (wanted == "" || wanted == named) && (q.Get("state") == "all" || p.State == "open") && cmp.Or(q.Get("page"), "1") == "1" {
			all = append([]any{f.shown(i, p)}, all...)
		}
	}
	f.say(w, http.StatusOK, all)
}

// URL returns where the pull request of a number is, counted from 1.
func (f *Forge) URL(number int) string {
	return fmt.Sprintf("https://forge.example/%s/pulls/%d", Path, number)
}

func (f *Forge) shown(i int, p Pull) map[string]any {
	// What comes from a fork is of another repository, and has a name like ours.
	branch, fork := strings.CutPrefix(p.Branch, "fork:")
	from := 7
	if fork {
		from = 8
	}
	if f.Kind == forge.GitLab {
		return map[string]any{"web_url": f.URL(i + 1), "source_branch": branch, "target_branch": p.Base, "source_project_id": from, "target_project_id": 7}
	}
	return map[string]any{
		"html_url": f.URL(i + 1),
		"head":     map[string]any{"ref": branch, "repo": map[string]any{"id": from}},
		"base":     map[string]any{"ref": p.Base, "repo": map[string]any{"id": 7}},
	}
}

// open opens a pull request, of a branch that is there into another.
func (f *Forge) open(w http.ResponseWriter, r *http.Request) {
	var in map[string]string
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		f.say(w, http.StatusBadRequest, map[string]any{"message": err.Error()})
		return
	}
	p := Pull{in["head"], in["base"], in["title"], in["body"], "open"}
	if f.Kind == forge.GitLab {
		p = Pull{in["source_branch"], in["target_branch"], in["title"], in["description"], "open"}
	}
	for _, branch := range []string{p.Branch, p.Base} {
		if exec.CommandContext(r.Context(), "git", "--git-dir="+f.Repo, "show-ref", "--verify", "--quiet", "refs/heads/"+branch).Run() != nil {
			f.say(w, http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed", "errors": []any{map[string]any{"message": "no branch " + branch}}})
			return
		}
	}
	for _, other := range f.Pulls() {
		if other.Branch == p.Branch && other.State == "open" {
			code, says := http.StatusConflict, any("pull request already exists for these targets")
			switch f.Kind {
			case forge.GitHub:
				code, says = http.StatusUnprocessableEntity, "Validation Failed"
			case forge.GitLab:
				says = []string{"Another open merge request already exists for this source branch: !1"}
			case forge.Gitea:
			}
			f.say(w, code, map[string]any{"message": says})
			return
		}
	}
	f.Add(p)
	if f.After != nil {
		f.After()
	}
	f.say(w, http.StatusCreated, f.shown(len(f.Pulls())-1, p))
}
