package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/forge"
	"autonoma/internal/forge/forgetest"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/workspace/workspacetest"
)

// A workshop is a server and the forge where its source is.
type workshop struct {
	*server
	forge  *forgetest.Forge
	client *client.Client
	source string
}

// newWorkshop starts a server that knows a forge of a kind, and holds a token for it.
func newWorkshop(t *testing.T, kind forge.Kind, turns string, args ...string) *workshop {
	t.Helper()
	w := &workshop{forge: forgetest.New(t, kind)}
	workspacetest.Git(t, greeting(t), "push", "--quiet", w.forge.Repo, "main", "main:stable")
	host, trust := w.forge.Serve(t)
	w.source = "https://" + host + "/" + forgetest.Path + ".git"
	w.server = newServer(t, modeltest.NewServer(t, crew(turns)), args...)
	settings := filepath.Join(t.TempDir(), "autonoma.yaml")
	text := fmt.Sprintf("logLevel: debug\nforges: [{host: %q, kind: %s, tokenEnv: FORGE_TOKEN}]\n", host, kind)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "AUTONOMA_CONFIG="+settings, "FORGE_TOKEN="+forgetest.Token, "SSL_CERT_FILE="+trust, "GIT_SSL_CAINFO="+trust)
	w.start()
	w.client = w.ready()
	return w
}

// crew is a script for a coder that takes the turns given and finishes, and others that
// have nothing to add.
func crew(turns string) string {
	return "name: crew\nconversations:\n  - match: {agent: coder-ai, phase: generate}\n    turns:\n" + turns + `
      - {repeat: 5, calls: [{name: finish, args: {summary: Spell world right., confidence: 0.9}}]}
  - match: {agent: tester-ai, phase: generate}
    turns:
      - calls: [{name: write, args: {path: more.sh, content: "test -s greet.txt\n"}}]
      - {repeat: 5, calls: [{name: finish, args: {summary: Test that there is a greeting., confidence: 0.9}}]}
  - match: {agent: review-ai, phase: generate}
    turns:
      - calls: [{name: finish, args: {verdict: approve, summary: It is right., confidence: 0.9}}]
  - turns:
      - {repeat: 5, calls: [{name: finish, args: {summary: Nothing to add., confidence: 0.9, document: Nothing.}}]}
`
}

// wish is a task that ends with a pull request.
func (w *workshop) wish(scope autonoma.Scope) api.CreateTask {
	in := slip(w.source, scope)
	in.Delivery = autonoma.DeliverPullRequest
	return in
}

// branches returns the branches of the forge that are ours.
func (w *workshop) branches() string {
	w.t.Helper()
	return workspacetest.Git(w.t, w.forge.Repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/autonoma")
}

// silent looks for the token in all that is kept and told.
func (w *workshop) silent(id autonoma.RunID) {
	w.t.Helper()
	told := read(w.t, w.out) + read(w.t, w.process.err)
	for e, err := range w.client.Events(w.t.Context(), id, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		told += string(e.Data)
	}
	if strings.Contains(told, forgetest.Token) {
		w.t.Error("the token is told")
	}
	err := filepath.WalkDir(w.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what is cleared away meanwhile
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(forgetest.Token)) {
			w.t.Errorf("the token is in %s", path)
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
}

// A task on a private repository ends with a pull request, at every kind of forge. What
// its agents say is not acted on there, and they see no token.
func TestPullRequest(t *testing.T) {
	for _, kind := range forge.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, kind, mend+`
      - calls: [{name: bash, args: {command: env}}]
      - calls: [{name: finish, args: {summary: "Fixes #1, says @ann.\n\n/close\n`+"```"+`", confidence: 0.9}}]
`, "--push")
			in := w.wish(autonoma.POC)
			in.BaseRef = "stable"
			id := submit(t, w.client, in)
			task := completed(t, w.client, id)
			if task.Output.PullRequestURL == nil || *task.Output.PullRequestURL != w.forge.URL(1) || task.Output.Branch == nil || w.branches() != *task.Output.Branch {
				t.Fatalf("%+v", task.Output)
			}
			p := w.forge.Pulls()[0]
			if p.Branch != *task.Output.Branch || p.Base != "stable" {
				t.Errorf("from %s into %s", p.Branch, p.Base)
			}
			text := strings.ReplaceAll(p.Title+"\n"+p.Body, "\u200b", "|")
			for _, want := range []string{
				"Fixes #|1, says @|ann.\n> Fixes #|1", "\n> |/|close\n", "\n\n### Verification: verified\n\n", "| `sh check.sh` | failed | passed |\n",
				"Files changed: 2, lines added: 2, removed: 1.", string(id),
			} {
				if !strings.Contains(text, want) {
					t.Errorf("it lacks %q:\n%s", want, text)
				}
			}
			said := false
			await(t, w.client, id, func(e api.Event) bool {
				said = said || string(e.Kind) == string(autonoma.EventDelivery) && strings.Contains(string(e.Data), w.forge.URL(1))
				return false
			})
			if !said {
				t.Error("no event tells of the pull request")
			}
			w.silent(id)
		})
	}
}

// However the process ends on the way, there is one pull request in the end.
func TestPullRequestAfterCrash(t *testing.T) {
	for _, when := range []string{"before", "after"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, forge.GitHub, mend, "--push")
			reached, died := make(chan struct{}), make(chan struct{})
			stop := sync.OnceFunc(func() {
				close(reached)
				<-died
			})
			if when == "after" {
				w.forge.After = stop
			} else {
				w.forge.Before = func(http.ResponseWriter, *http.Request) bool {
					stop()
					return false
				}
			}
			id := submit(t, w.client, w.wish(autonoma.Demo))
			<-reached
			if w.branches() == "" {
				t.Error("the branch is not there yet")
			}
			w.kill()
			close(died)
			w.start()
			task := completed(t, w.ready(), id)
			if all := w.forge.Pulls(); len(all) != 1 || task.Output.PullRequestURL == nil || *task.Output.PullRequestURL != w.forge.URL(1) {
				t.Errorf("%+v: %+v", task.Output, all)
			}
		})
	}
}

// Where there is no pull request in the end, the run says why, and where the result is.
func TestNoPullRequest(t *testing.T) {
	refuse := func(code int, wait string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", wait)
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"message": "not with %s"}`, forgetest.Token)
			return true
		}
	}
	for _, tt := range []struct {
		name      string
		before    func(http.ResponseWriter, *http.Request) bool
		turns     string
		scope     autonoma.Scope
		adjust    func(*api.CreateTask)
		status    autonoma.Status
		code      autonoma.FailureCode
		says      string
		retryable bool
		branch    bool
	}{
		{"the token is bad", refuse(401, ""), mend, autonoma.Demo, nil, autonoma.Failed, autonoma.FailDelivery, "does not accept the token in FORGE_TOKEN", false, true},
		{"too often", refuse(429, "3600"), mend, autonoma.Demo, nil, autonoma.Failed, autonoma.FailDelivery, "less often", true, true},
		{"nothing but proposals", nil, mend, autonoma.Demo, func(in *api.CreateTask) { in.ACMFMode = autonoma.Observe }, autonoma.Completed, "", "", false, false},
		{"nothing changed", nil, "", autonoma.Demo, nil, autonoma.Completed, "", "", false, false},
		{"not asked for", nil, mend, autonoma.Demo, func(in *api.CreateTask) { in.Delivery = autonoma.DeliverBranch }, autonoma.Completed, "", "", false, true},
		{"unproven", nil, `
      - calls: [{name: write, args: {path: greet.txt, content: hello}}]
`, autonoma.MVP, nil, autonoma.Failed, autonoma.FailVerification, "", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, forge.GitLab, tt.turns, "--push")
			w.forge.Before = tt.before
			in := w.wish(tt.scope)
			if tt.adjust != nil {
				tt.adjust(&in)
			}
			id := submit(t, w.client, in)
			task := finish(t, w.client, id)
			if task.Output == nil {
				t.Fatalf("%s: %+v", task.Status, task.Error)
			}
			if task.Status != tt.status || len(w.forge.Pulls()) > 0 || task.Output.PullRequestURL != nil || (w.branches() != "") != tt.branch {
				t.Errorf("%s: %+v, branches %q", task.Status, task.Error, w.branches())
			}
			if tt.code != "" && (task.Error == nil || task.Error.Code != tt.code || task.Error.Retryable != tt.retryable || !strings.Contains(task.Error.Message, tt.says)) {
				t.Errorf("%+v", task.Error)
			}
			if tt.code == autonoma.FailDelivery && (task.Output.Branch == nil || !strings.Contains(task.Error.Message, *task.Output.Branch)) {
				t.Errorf("%+v does not name the branch", task.Error)
			}
			w.silent(id)
		})
	}
}

// What is missing for a pull request is said at once, and with nothing to push, git
// has no token.
func TestPullRequestRefused(t *testing.T) {
	w := newWorkshop(t, forge.Gitea, mend)
	for source, says := range map[string]string{
		w.source:                    "may not push",
		"https://github.com/a/b":    "no token for github.com; its operator sets GITHUB_TOKEN or GH_TOKEN",
		"git@elsewhere.example:a/b": "elsewhere.example is no forge that this server knows",
		"":                          "needs a source that is the URL of a repository on a forge",
		strings.TrimSuffix(w.source, "/"+forgetest.Path+".git") + "/one": "names no repository",
	} {
		in := w.wish(autonoma.Demo)
		in.Source = source
		_, err := w.client.CreateTask(t.Context(), in)
		if err == nil || !strings.Contains(err.Error(), "delivery") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", source, err)
		}
	}
	in := w.wish(autonoma.Demo)
	in.Delivery = autonoma.DeliverPatch
	if task := finish(t, w.client, submit(t, w.client, in)); task.Error == nil || task.Error.Code != autonoma.FailSource {
		t.Errorf("a private repository is read without leave: %+v", task.Error)
	}
}
