package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/sandbox"
	"autonoma/internal/workspace/workspacetest"
)

// shared is a project that both tenants work on. It is in three languages, so that
// commands have the caches of all of them.
const shared = `
-- greet.txt --
hello
-- check.sh --
true
-- go.mod --
module greet

go 1.24
-- greet.go --
package greet
-- tool.py --
print("hello")
-- package.json --
{"name": "greet", "version": "1.0.0"}
-- index.js --
console.log("hello")
-- .gitignore --
made/
`

// leave leaves a mark wherever a command can leave one, listens wherever one can listen,
// and stays until the test says go.
const leave = `
m=MARK
for d in "$HOME" /tmp /dev/shm /var/tmp . "$GOMODCACHE" "$GOCACHE" "$npm_config_cache" "$PIP_CACHE_DIR"; do mkdir -p "$d" && echo $m > "$d/$m"; done 2>/dev/null
echo "evil $m" > made/installed
perl -MSocket -MFcntl -e '
	my @l;
	socket(my $t, PF_INET, SOCK_STREAM, 0); setsockopt($t, SOL_SOCKET, SO_REUSEADDR, 1);
	bind($t, sockaddr_in(PORT, INADDR_ANY)) or die "tcp $!"; push @l, $t;
	socket(my $u, PF_UNIX, SOCK_STREAM, 0); unlink "/tmp/peer.sock"; bind($u, sockaddr_un("/tmp/peer.sock")) or die "unix $!"; push @l, $u;
	socket(my $a, PF_UNIX, SOCK_STREAM, 0); bind($a, pack("Sa*", AF_UNIX, "\0peer-PORT")) or die "abstract $!"; push @l, $a;
	for (@l) { listen($_, 5) or die $!; fcntl($_, F_SETFL, O_NONBLOCK); }
	my $s = shmget(PORT, 100, 01666); shmwrite($s, $ARGV[0], 0, 20) if defined $s;
	open(my $r, ">", "ready"); close $r;
	until (-e "go") { for (@l) { print "CALLED\n" if accept(my $c, $_); } select(undef, undef, undef, 0.02); }
' $m
rm -f ready go $m; echo over
`

// pry looks for marks of others wherever a command can look, and calls wherever somebody
// may listen.
const pry = `
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n'
ls -a /tmp /dev/shm /var/tmp /home /home/* /run /caches . .. 2>/dev/null
for d in "$GOMODCACHE" "$GOCACHE" "$npm_config_cache" "$PIP_CACHE_DIR"; do ls -a "$d" | grep -E '^(ann|bob|set)'; done
cat made/installed
find / -xdev -regextype posix-extended -regex '.*ann[0-9]{9}.*' 2>/dev/null
ls DATA DATA/workspaces/runs DATA/setup DATA/blobs 2>/dev/null; cat DATA/blobs/*/* DATA/setup/*/caches/npm/* DATA/workspaces/runs/*/*/*/files/* 2>/dev/null
ipcs 2>/dev/null; cat /proc/sysvipc/shm /proc/net/unix 2>/dev/null
perl -MSocket -e '
	my $s = shmget(PORT, 100, 0666); print defined $s ? "shm there\n" : "shm none\n";
	my $in = sockaddr_in(PORT, INADDR_LOOPBACK); my $un = sockaddr_un("/tmp/peer.sock"); my $abstract = pack("Sa*", AF_UNIX, "\0peer-PORT");
	for my $to ([PF_INET, $in], [PF_UNIX, $un], [PF_UNIX, $abstract]) {
		socket(my $c, $to->[0], SOCK_STREAM, 0); print connect($c, $to->[1]) ? "connected\n" : "no one\n";
	}'
echo looked
`

// others are the agents beside the coder.
const others = `
  - match: {agent: tester-ai}
    turns: [{calls: [{name: finish, args: {summary: "It is tested.", confidence: 0.9}}]}]
  - match: {agent: review-ai}
    turns: [{calls: [{name: finish, args: {summary: "It is good.", confidence: 0.9, verdict: approve}}]}]
`

// A tenant is somebody with a key, and what its runs are told.
type tenant struct {
	*client.Client
	t    *testing.T
	name string
}

// TestTenants has two tenants work beside each other in one server, on one repository.
// Each tries to see and to change what is the other's: from its commands while those of
// the other run, and with its key. How long an answer takes, and how full the disk is, is
// no part of this.
func TestTenants(t *testing.T) {
	if level, err := box(); err == nil && level == string(sandbox.None) {
		t.Log("not on this machine: without a sandbox tenants see each other's commands")
		return
	}
	repo := workspacetest.Repo(t, shared)
	mark, port, data := "ann"+newMarker(), 20_000+rand.IntN(10_000), filepath.Join(t.TempDir(), "data")
	command := func(text string) string {
		text = strings.NewReplacer("MARK", mark, "PORT", fmt.Sprint(port), "DATA", data).Replace(text)
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return "      - calls: [{name: bash, args: {command: " + string(b) + "}}]\n"
	}
	part := func(task, turns string) string {
		return "  - match: {agent: coder-ai, contains: \"# Task\\n\\n" + task + "\"}\n    turns:\n" + turns +
			"      - calls: [{name: write, args: {path: greet.txt, content: \"hello " + task + "\\n\"}}]\n" +
			"      - calls: [{name: finish, args: {summary: Greeted., confidence: 0.9}}]\n"
	}
	models := modeltest.NewServer(t, "name: two\nconversations:\n"+part("Leave", command(leave))+part("Pry", command(pry))+others)
	s := newServer(t, models, "--source-root", repo, "--slots", "2")
	s.data = data
	s.start()
	operator := s.ready()
	ann, bob := newTenant(t, operator, "ann"), newTenant(t, operator, "bob")

	left := ann.begin("Leave", repo)
	eventually(t, "ann's command listens", func() bool { return len(s.inTrees(left, "ready")) > 0 })
	pried := bob.begin("Pry", repo)
	theirs := completed(t, bob.Client, pried)
	if len(s.inTrees(left, "ready")) == 0 {
		t.Error("ann's command was over before bob's")
	}
	for _, ready := range s.inTrees(left, "ready") {
		if err := os.WriteFile(filepath.Join(filepath.Dir(ready), "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mine := completed(t, ann.Client, left)

	saw := bob.printed(pried)
	for _, want := range []string{"installed for bob", "set-up of bob\nset-up of bob\nset-up of bob\nset-up of bob\n", "shm none", "no one\nno one\nno one", "looked"} {
		if !strings.Contains(saw, want) {
			t.Errorf("bob does not see %q:\n%s", want, saw)
		}
	}
	if strings.Contains(saw, mark) || strings.Contains(saw, "for ann") || strings.Contains(saw, "of ann") || strings.Contains(saw, "connected\n") || strings.Contains(saw, "secret.key\n") {
		t.Errorf("bob sees what is ann's:\n%s", saw)
	}
	if got := ann.printed(left); strings.Contains(got, "CALLED") || !strings.HasSuffix(strings.TrimSpace(got), "over") {
		t.Errorf("ann's command says:\n%s", got)
	}
	// What ann's commands changed was changed for them alone: her own next run does not
	// find it either.
	again := ann.begin("Pry", repo)
	completed(t, ann.Client, again)
	if saw := ann.printed(again); strings.Contains(saw, mark) || strings.Contains(saw, "evil") || !strings.Contains(saw, "installed for ann") || !strings.Contains(saw, "set-up of ann") || strings.Contains(saw, "for bob") || strings.Contains(saw, "of bob") {
		t.Errorf("ann's next run sees:\n%s", saw)
	}
	for _, task := range []api.Task{mine, theirs} {
		files := workspacetest.Git(t, repo, "ls-tree", "-r", "--name-only", *task.Output.Branch)
		if strings.Contains(files, mark) {
			t.Errorf("%s delivers %s", task.TaskID, files)
		}
	}
	bob.mayNot(ann, s.addr, repo, mine, mark)
}

// newTenant has the operator make a tenant and a key of it.
func newTenant(t *testing.T, operator *client.Client, name string) tenant {
	t.Helper()
	made := decoded[api.Tenant](t, operator, "POST", "/v1/admin/tenants", `{"name": "`+name+`", "plan": "enterprise"}`)
	key := decoded[api.KeyWithSecret](t, operator, "POST", "/v1/admin/keys", `{"name": "`+name+`", "tenantId": "`+string(made.ID)+`", "scopes": ["admin"]}`)
	return tenant{&client.Client{BaseURL: operator.BaseURL, Key: key.Secret}, t, name}
}

// answered sends a request with a key and returns the status and the body.
func answered(t *testing.T, c *client.Client, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.BaseURL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func decoded[T any](t *testing.T, c *client.Client, method, path, body string) T {
	t.Helper()
	var v T
	status, got := answered(t, c, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, got)
	}
	if err := json.Unmarshal([]byte(got), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// begin begins a run whose set-up leaves what is the tenant's.
func (n tenant) begin(task, source string) autonoma.RunID {
	n.t.Helper()
	return submit(n.t, n.Client, api.CreateTask{
		Task: task, Capabilities: []autonoma.Capability{autonoma.Build}, Source: source, Scope: autonoma.POC, Verify: []string{"sh check.sh"},
		Setup: []string{fmt.Sprintf(`mkdir -p made && echo "installed for %[1]s" > made/installed && for d in "$GOMODCACHE" "$GOCACHE" "$npm_config_cache" "$PIP_CACHE_DIR"; do mkdir -p "$d" && echo x > "$d/set-up of %[1]s"; done`, n.name)},
	})
}

// printed returns what the commands of a run's agents printed.
func (n tenant) printed(id autonoma.RunID) string {
	n.t.Helper()
	var b strings.Builder
	for e, err := range n.Events(n.t.Context(), id, 0) {
		if err != nil {
			n.t.Fatal(err)
		}
		var c struct{ Name, Output string }
		if e.Kind == autonoma.EventCall && json.Unmarshal(e.Data, &c) == nil && c.Name == "bash" {
			b.WriteString(c.Output)
		}
	}
	return b.String()
}

// inTrees returns the files of a name in the checkouts of a run.
func (s *server) inTrees(id autonoma.RunID, name string) []string {
	found, _ := filepath.Glob(filepath.Join(s.data, "workspaces", "runs", string(id), "trees", "*", "files", name))
	return found
}

// mayNot shows that of what another tenant has nothing is there for this one: an answer
// about it is the answer about what nobody has.
func (n tenant) mayNot(other tenant, addr, repo string, task api.Task, mark string) {
	t := n.t
	t.Helper()
	made := func(path, body, key string) string {
		t.Helper()
		return fmt.Sprint(decoded[map[string]any](t, other.Client, "POST", path, body)[key])
	}
	asks := `{"name": "w", "steps": [{"id": "ask", "agent": "coder-ai", "task": "x", "approval": true}]}`
	run := made("/v1/customer/workflow", asks, "workflowId")
	things := map[string]string{
		"task": string(task.TaskID), "run": run,
		"note":     made("/v1/knowledge", `{"source": "`+repo+`", "text": "`+mark+`"}`, "id"),
		"workflow": made("/v1/customer/workflows", `{"name": "own", "steps": [{"id": "a", "agent": "coder-ai", "task": "`+mark+`"}]}`, "name"),
		"key":      made("/v1/admin/keys", `{"name": "`+mark+`"}`, "id"),
	}
	for e, err := range other.Events(t.Context(), task.TaskID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ExecutionID != nil {
			things["execution"] = string(*e.ExecutionID)
		}
	}
	things["feedback"] = made("/v1/feedback", `{"executionId": "`+things["execution"]+`", "signal": "accept"}`, "id")
	things["artifact"] = string(task.Output.Artifacts[0].ID)
	for a, err := range other.Approvals(t.Context(), autonoma.ApprovalPending) {
		if err != nil {
			t.Fatal(err)
		}
		things["approval"] = string(a.ID)
	}
	for _, op := range []struct{ method, path, body string }{
		{"GET", "/v1/agents/tasks/{task}", ""}, {"GET", "/v1/agents/tasks/{task}/events", ""}, {"GET", "/v1/agents/tasks/{task}/diff", ""},
		{"GET", "/v1/agents/tasks/{task}/evidence", ""}, {"GET", "/v1/agents/tasks/{task}/artifacts/{artifact}", ""},
		{"POST", "/v1/agents/tasks/{task}/cancel", ""}, {"POST", "/v1/agents/tasks/{task}/retry", ""},
		{"GET", "/v1/admin/rigor/status/{execution}", ""},
		{"GET", "/v1/approvals/{approval}", ""}, {"POST", "/v1/approvals/{approval}/decision", `{"decision": "approve"}`},
		{"GET", "/v1/customer/workflow/{run}", ""}, {"GET", "/v1/customer/workflow/{run}/events", ""}, {"GET", "/v1/customer/workflow/{run}/status", ""},
		{"POST", "/v1/customer/workflow/{run}/cancel", ""}, {"POST", "/v1/customer/workflow/{run}/resume", ""},
		{"GET", "/v1/customer/workflows/{workflow}", ""}, {"DELETE", "/v1/customer/workflows/{workflow}", ""},
		{"POST", "/v1/customer/workflow", `{"workflow": "{workflow}"}`},
		{"GET", "/v1/knowledge/{note}", ""}, {"DELETE", "/v1/knowledge/{note}", ""}, {"PATCH", "/v1/knowledge/{note}", `{"confidence": 0.5}`},
		{"GET", "/v1/feedback/{feedback}", ""}, {"POST", "/v1/feedback", `{"executionId": "{execution}", "signal": "reject"}`},
		{"GET", "/v1/admin/keys/{key}", ""}, {"POST", "/v1/admin/keys/{key}/revoke", ""}, {"POST", "/v1/admin/keys/{key}/rotate", "{}"},
	} {
		n.sees404(other, things, op.method, op.path, op.body)
	}
	for _, list := range []string{"/v1/agents/tasks", "/v1/approvals", "/v1/knowledge?source=" + repo, "/v1/knowledge", "/v1/customer/workflows", "/v1/feedback", "/v1/usage",
		"/v1/agents/orchestrator/coordination", "/v1/agents/list", "/v1/admin/keys", "/v1/admin/rigor/health", "/v1/webhooks", "/v1/health", "/v1/evidence/keys"} {
		status, got := answered(t, n.Client, "GET", list, "")
		if status >= 300 {
			t.Errorf("%s: %d %s", list, status, got)
		}
		for name, id := range things {
			if name != "workflow" && strings.Contains(got, id) || strings.Contains(got, mark) {
				t.Errorf("%s tells of the %s of another: %s", list, name, got)
			}
		}
	}
	if status, _ := answered(t, n.Client, "GET", "/v1/admin/tenants", ""); status != http.StatusForbidden {
		t.Errorf("the list of tenants: %d", status)
	}
	if got := decoded[api.Approval](t, other.Client, "GET", "/v1/approvals/"+things["approval"], ""); got.Status != autonoma.ApprovalPending {
		t.Errorf("the approval is %s", got.Status)
	}
	decoded[map[string]any](t, other.Client, "POST", "/v1/customer/workflow/"+run+"/cancel", "")
}

// varies is what differs in two answers about what is not there.
var varies = regexp.MustCompile(`"(requestId|instance)":"[^"]*"`)

// sees404 asks for a thing of another tenant, and for one that nobody has, and wants the
// same answer.
func (n tenant) sees404(other tenant, things map[string]string, method, path, body string) {
	n.t.Helper()
	fill := func(text string, of func(id string) string) string {
		for name, id := range things {
			text = strings.ReplaceAll(text, "{"+name+"}", of(id))
		}
		return text
	}
	nobodys := func(id string) string {
		if at := strings.IndexByte(id, '_'); at > 0 {
			return id[:at+1] + "0123456789ab"
		}
		return "nobodys"
	}
	same := func(id string) string { return id }
	plain := func(text string, of func(string) string) string {
		for name, id := range things {
			text = strings.ReplaceAll(text, of(id), "("+name+")")
		}
		return varies.ReplaceAllString(text, "")
	}
	status, got := answered(n.t, n.Client, method, fill(path, same), fill(body, same))
	status2, none := answered(n.t, n.Client, method, fill(path, nobodys), fill(body, nobodys))
	if status != status2 || status != http.StatusNotFound && status != http.StatusUnprocessableEntity || status == http.StatusUnprocessableEntity && method == "GET" {
		n.t.Errorf("%s %s: %d where it is %d for what nobody has: %s", method, path, status, status2, got)
	}
	if a, b := plain(got, same), plain(none, nobodys); a != b {
		n.t.Errorf("%s %s: the answer tells them apart:\n%s\n%s", method, path, a, b)
	}
	if method == "GET" && !strings.HasSuffix(path, "/events") {
		if status, got := answered(n.t, other.Client, method, fill(path, same), ""); status >= 300 {
			n.t.Errorf("%s: its owner gets %d %s", path, status, got)
		}
	}
}
