package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
	"autonoma/internal/store"
)

func TestKeys(t *testing.T) {
	k := newKit(t)
	other := must(service.NewKeys(newKit(t).db).Create(t.Context(), "eve", autonoma.Startup, []autonoma.KeyScope{autonoma.ScopeRead}))(t)
	mistyped := k.ann[:len(k.ann)-1] + "!"
	for _, tt := range []struct {
		name, authorization string
		status              int
	}{
		{"good", "Bearer " + k.ann, 200},
		{"lower case", "bearer " + k.ann, 200},
		{"none", "", 401},
		{"mistyped", "Bearer " + mistyped, 401},
		{"of another server", "Bearer " + other, 401},
		{"not a bearer", "Basic " + k.ann, 401},
		{"without a scheme", k.ann, 401},
		{"very long", "Bearer " + strings.Repeat("a", 10_000), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range []string{"/v1/health", "/v1/agents/tasks", "/v1/nothing", "/v1"} {
				r := k.do("", "GET", path, "", "Authorization", tt.authorization)
				if tt.status == 401 && r.problem(t).Code != api.Unauthorized || tt.status == 200 && r.StatusCode == 401 {
					t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
				}
				if got := r.Header.Get("WWW-Authenticate"); (r.StatusCode == 401) != strings.HasPrefix(got, "Bearer ") {
					t.Errorf("%s: %d with WWW-Authenticate %q", path, r.StatusCode, got)
				}
			}
		})
	}
}

func TestRevokedKey(t *testing.T) {
	k := newKit(t)
	if r := k.do(k.ann, "GET", "/v1/info", ""); r.StatusCode != 200 {
		t.Fatalf("%s", r.body)
	}
	err := k.db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `UPDATE keys SET revoked_at = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := k.do(k.ann, "GET", "/v1/info", ""); r.problem(t).Detail != "the API key was revoked" {
		t.Errorf("%s", r.body)
	}
}

func TestScopes(t *testing.T) {
	k := newKit(t)
	path := "/v1/agents/tasks/" + string(k.submit())
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", path, "", 200},
		{"GET", "/v1/agents/tasks", "", 200},
		{"POST", path + "/cancel", "", 403},
		{"POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["BUILD"]}`, 403},
	} {
		if r := k.do(k.reader, tt.method, tt.path, tt.body); r.StatusCode != tt.status {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, r.StatusCode, r.body)
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	k := newKit(t)
	id := string(k.submit())
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"DELETE", "/v1/agents/tasks", 405, "GET, HEAD, POST, OPTIONS"},
		{"GET", "/v1/agents/tasks/" + id + "/cancel", 405, "POST, OPTIONS"},
		{"HEAD", "/v1/agents/tasks/" + id + "/cancel", 405, "POST, OPTIONS"},
		{"BREW", "/v1/health", 405, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/v1/agents/tasks", 204, "GET, HEAD, POST, OPTIONS"},
		{"OPTIONS", "/v1/nothing", 404, ""},
		{"HEAD", "/v1/agents/tasks/" + id, 200, ""},
		{"HEAD", "/v1/agents/tasks/" + id + "/events", 200, ""},
		{"HEAD", "/livez", 200, ""},
		{"POST", "/v1/agents/list", 405, "GET, HEAD, OPTIONS"},
		{"GET", "/v1/admin/rigor/invoke/coder-ai", 405, "POST, OPTIONS"},
		{"GET", "/v1/agents/tasks/", 404, ""},
		{"GET", "/v1//agents/tasks", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/v1/agents/tasks/" + id + "/artifacts/", 404, ""},
	} {
		r := k.do(k.ann, tt.method, tt.path, "")
		if r.StatusCode != tt.status || r.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", tt.method, tt.path, r.StatusCode, r.Header.Get("Allow"), r.body)
		}
		if tt.method == "HEAD" && len(r.body) > 0 {
			t.Errorf("HEAD %s has a body", tt.path)
		}
	}
}

func TestRequestID(t *testing.T) {
	k := newKit(t)
	for sent, taken := range map[string]bool{
		"abc-123": true, "req_a1b2:c.d": true, "": false, "a b": false, "-x": false,
		"a\tb": false, strings.Repeat("a", 129): false, "ä": false, `"><script>`: false,
	} {
		got := k.do(k.ann, "GET", "/v1/info", "", "X-Request-Id", sent).Header.Get("X-Request-Id")
		if (got == sent) != taken || got == "" {
			t.Errorf("%q became %q", sent, got)
		}
		if !strings.Contains(k.lines.String(), "request_id="+got) {
			t.Errorf("the log does not know %q", got)
		}
	}
}

// One line tells all about a request, and nothing that is not the log's business.
func TestLogLine(t *testing.T) {
	k := newKit(t)
	path := "/v1/agents/tasks/" + string(k.submit())
	k.do(k.ann, "GET", path+"?secret=1", "", "X-Request-Id", "look-here")
	var lines []string
	for line := range strings.Lines(k.lines.String()) {
		if strings.Contains(line, "look-here") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("%q", lines)
	}
	for _, want := range []string{"method=GET", "route=/v1/agents/tasks/{taskId}", "path=" + path, "status=422", "tenant=ten_", "key=key_", "took=", "bytes=", "err="} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("no %s in %s", want, lines[0])
		}
	}
	if strings.Contains(lines[0], "secret=1") {
		t.Errorf("the query is in %s", lines[0])
	}
}

// A fault of ours is told to the log, and to nobody else.
func TestFaultsOfOurs(t *testing.T) {
	const secret = "dial tcp 10.0.0.7:5432: refused"
	for _, tt := range []struct {
		name   string
		who    func(context.Context, string) (autonoma.Actor, error)
		health func(context.Context) map[string]api.Service
	}{
		{"an error", func(context.Context, string) (autonoma.Actor, error) { return autonoma.Actor{}, errors.New(secret) }, nil},
		{"a panic before the handler", func(context.Context, string) (autonoma.Actor, error) { panic(secret) }, nil},
		{"a panic in the handler", nil, func(context.Context) map[string]api.Service { panic(secret) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t)
			if tt.who != nil {
				k.cfg.Who = tt.who
			}
			if tt.health != nil {
				k.cfg.Health = tt.health
			}
			k.serve()
			r := k.do(k.ann, "GET", "/v1/health", "")
			if p := r.problem(t); r.StatusCode != 500 || p.Code != api.Internal || strings.Contains(string(r.body), "10.0.0.7") || p.RequestID == "" {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			if log := k.lines.String(); !strings.Contains(log, "10.0.0.7") || !strings.Contains(log, "status=500") {
				t.Errorf("the log says\n%s", log)
			}
			k.do("", "GET", "/livez", "") // and the server goes on
		})
	}
}

func TestUnavailable(t *testing.T) {
	k := newKit(t)
	k.tasks.Ready = func(autonoma.Request) error {
		return fmt.Errorf("no model is configured; set AUTONOMA_MODEL: %w", autonoma.ErrUnavailable)
	}
	r := k.do(k.ann, "POST", "/v1/agents/tasks", `{"task": "x", "capabilities": ["BUILD"]}`)
	if p := r.problem(t); r.StatusCode != 503 || p.Code != api.Unavailable || p.Detail != "no model is configured; set AUTONOMA_MODEL" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}

func TestUtility(t *testing.T) {
	k := newKit(t)
	health := must(k.client(k.ann).Health(t.Context()))(t)
	if health.Status != api.Healthy || health.Version != "1.2.3" || health.Services["database"].Message != "ok" {
		t.Errorf("%+v", health)
	}
	k.do(k.ann, "GET", "/v1/health", "")
	k.cfg.Health = func(context.Context) map[string]api.Service {
		return map[string]api.Service{"database": {Status: api.Healthy}, "models": {Status: api.Degraded}, "sandbox": {Status: api.Unhealthy}}
	}
	k.cfg.Ready = func(context.Context) error { return errors.New("draining") }
	k.serve()
	if r := k.do(k.ann, "GET", "/v1/health", ""); r.StatusCode != 503 || !jsonHas(t, r.body, "status", "unhealthy") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if health := must(k.client(k.ann).Health(t.Context()))(t); health.Status != api.Unhealthy {
		t.Errorf("the client says %s", health.Status)
	}
	for path, want := range map[string]string{"/livez": "200 ok\n", "/readyz": "503 not ready\n"} {
		if r := k.do("", "GET", path, ""); fmt.Sprintf("%d %s", r.StatusCode, r.body) != want {
			t.Errorf("%s: %d %s", path, r.StatusCode, r.body)
		}
	}
	if r := k.do("", "GET", "/openapi.yaml", ""); r.StatusCode != 200 || !strings.HasPrefix(string(r.body), "components:") {
		t.Errorf("%d %.100s", r.StatusCode, r.body)
	}
}

// What /v1/info lists is there, and what is there is listed.
func TestInfo(t *testing.T) {
	k := newKit(t)
	info := must(k.client(k.bob).Info(t.Context()))(t)
	if info.Plan != autonoma.Growth || info.APIVersion != "v1" || info.Limits.TaskCharacters != 10_000 || !slices.Equal(info.Features, []string{"branches"}) {
		t.Errorf("%+v", info)
	}
	n := 0
	for _, item := range k.doc.Paths.Map() {
		n += len(item.Operations())
	}
	if len(info.Endpoints) != n {
		t.Errorf("%d of %d are listed", len(info.Endpoints), n)
	}
	for _, e := range info.Endpoints {
		path := strings.NewReplacer("{taskId}", "task_000000000000", "{artifactId}", "art_000000000000",
			"{id}", "coder-ai", "{personality}", "coder-ai", "{executionId}", "exec_000000000000").Replace(e.Path)
		r := k.do(k.ann, e.Method, path, "")
		if r.StatusCode == http.StatusMethodNotAllowed || strings.Contains(string(r.body), "nothing at this path") {
			t.Errorf("%s %s: %s", e.Method, e.Path, r.body)
		}
	}
}
