package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/modeltest"
	"autonoma/internal/sandbox"
	"autonoma/internal/store/storetest"
	"autonoma/internal/tool/mcp/mcptest"
	"autonoma/internal/workspace/workspacetest"
)

// The tests run this very binary under the name autonoma, as processes of their
// own: what they show, they show from outside.
func TestMain(m *testing.M) {
	sandbox.Init() // the program that the sandbox starts is this one too
	mcptest.Main() // and so are MCP servers
	testscript.Main(m, map[string]func(){"autonoma": main})
}

// patience is how long a test waits for what should take no time, on a machine
// that is busy with other things.
const patience = 60 * time.Second

// box is the sandbox to test with: the strongest of this machine or, where there
// is none and none is required, none.
var box = sync.OnceValues(func() (string, error) {
	_, _, err := sandbox.Open(context.Background(), sandbox.Auto)
	if err == nil || os.Getenv("AUTONOMA_TEST_REQUIRE") == "1" {
		return sandbox.Auto, err
	}
	return string(sandbox.None), nil
})

// A process is one run of the program.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err string // files with what it wrote
	ended    chan struct{}
}

// start runs the program with an environment that has nothing of the machine's
// but the path. It is killed at the end of the test, if it still runs.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	p := &process{t: t, out: filepath.Join(dir, "stdout"), err: filepath.Join(dir, "stderr"), ended: make(chan struct{})}
	stdout, stderr := create(t, p.out), create(t, p.err)
	defer stdout.Close()
	defer stderr.Close()
	p.cmd = exec.Command("autonoma", args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, stdout, stderr
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir()}, env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its state
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		for _, fault := range []string{"panic: ", "fatal error: ", "DATA RACE"} {
			if strings.Contains(read(t, p.err), fault) {
				t.Errorf("autonoma %s: %s", args[0], fault)
			}
		}
		if t.Failed() {
			t.Logf("autonoma %s: %s\n%s", strings.Join(args, " "), p.cmd.ProcessState, read(t, p.err))
		}
	})
	return p
}

// kill ends the process at once, whatever it is doing.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // or it has ended
	<-p.ended
}

// signal sends a signal.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("autonoma does not end\n%s", read(p.t, p.err))
		return 0
	}
}

// A server is a data directory and the processes that work on it, one after the
// other, at the same address.
type server struct {
	*process
	t    *testing.T
	data string
	addr string
	env  []string
	args []string
}

// newServer returns a server, not yet started, of a data directory in which there is an
// empty database and nothing else, with the model that models plays. That a server makes
// its database itself is shown by the scripts.
func newServer(t *testing.T, models *modeltest.Server, args ...string) *server {
	t.Helper()
	level, err := box()
	if err != nil {
		t.Fatal(err)
	}
	// Tests ask more often than a plan allows: a limit is not what they are about.
	settings := filepath.Join(t.TempDir(), "autonoma.yaml")
	if err := os.WriteFile(settings, []byte("plans: {enterprise: {perHour: 1000000, perMinute: 100000}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	storetest.Create(t, filepath.Join(data, "autonoma.db"))
	s := &server{
		t:    t,
		data: data,
		// An address that is ours while nobody listens there, too.
		addr: fmt.Sprintf("127.%d.%d.%d:7420", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)),
		env: []string{
			"AUTONOMA_SANDBOX=" + level, "AUTONOMA_MODEL=openai/script", "AUTONOMA_CONFIG=" + settings,
			"OPENAI_BASE_URL=" + models.OpenAIURL(),
		},
		args: args,
	}
	for name, secret := range canaries {
		s.env = append(s.env, name+"="+secret)
	}
	t.Cleanup(func() { // when the process is gone
		huntFiles(t, canaries, s.data)
		if s.process != nil {
			hunt(t, canaries, "the log", []byte(read(t, s.process.err)))
			hunt(t, canaries, "the output", []byte(read(t, s.out)))
		}
	})
	return s
}

// start starts a process, and does not wait until it answers.
func (s *server) start() {
	s.t.Helper()
	s.process = start(s.t, s.env, append([]string{"serve", "--listen", s.addr, "--data", s.data}, s.args...)...)
}

// ready waits until the server answers, and returns a client of it.
func (s *server) ready() *client.Client {
	s.t.Helper()
	eventually(s.t, "the server is ready", func() bool {
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended: %s\n%s", s.cmd.ProcessState, read(s.t, s.process.err))
		default:
		}
		resp, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	have, err := readCredentials(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	return &client.Client{BaseURL: "http://" + s.addr, Key: have.Key}
}

// serve starts a server and waits until it answers.
func serve(t *testing.T, models *modeltest.Server, args ...string) (*server, *client.Client) {
	t.Helper()
	s := newServer(t, models, args...)
	s.start()
	return s, s.ready()
}

// submit hands over a task.
func submit(t *testing.T, c *client.Client, in api.CreateTask) autonoma.RunID {
	t.Helper()
	made, err := c.CreateTask(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return made.TaskID
}

// finish waits until a task is over, and returns it.
func finish(t *testing.T, c *client.Client, id autonoma.RunID) api.Task {
	t.Helper()
	await(t, c, id, func(api.Event) bool { return false })
	return get(t, c, id)
}

// await waits for an event, and reports whether it came before the task was over.
func await(t *testing.T, c *client.Client, id autonoma.RunID, wanted func(api.Event) bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*patience, errors.New("nothing more happens"))
	defer cancel()
	for e, err := range c.Events(ctx, id, 0) {
		if err != nil {
			t.Fatalf("events of %s: %v", id, err)
		}
		if wanted(e) {
			return true
		}
	}
	return false
}

// get returns a task.
func get(t *testing.T, c *client.Client, id autonoma.RunID) api.Task {
	t.Helper()
	task, err := c.Task(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// completed waits until a task is over, and fails the test unless it is completed.
func completed(t *testing.T, c *client.Client, id autonoma.RunID) api.Task {
	t.Helper()
	task := finish(t, c, id)
	if task.Status != autonoma.Completed {
		t.Fatalf("%s is %s: %+v", id, task.Status, task.Error)
	}
	return task
}

// cleared waits until no checkout is left of finished runs.
func (s *server) cleared() {
	s.t.Helper()
	eventually(s.t, "no checkout is left", func() bool {
		trees, _ := filepath.Glob(filepath.Join(s.data, "workspaces", "runs", "*", "trees", "*"))
		views, _ := filepath.Glob(filepath.Join(s.data, "workspaces", "sources", "view-*"))
		return len(trees)+len(views) == 0
	})
}

// gone waits until there is no process whose arguments contain the marker.
func gone(t *testing.T, marker string) {
	t.Helper()
	eventually(t, "no process is left", func() bool { return !running(marker) })
}

// running reports whether there is a process whose arguments contain the marker.
func running(marker string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		argv, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(argv), marker) {
			return true
		}
	}
	return false
}

// newMarker returns digits that no other process has in its arguments.
func newMarker() string { return fmt.Sprintf("%09d", rand.IntN(1_000_000_000)) }

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// greeting makes a repository whose check fails because of a slip.
func greeting(t *testing.T) string {
	t.Helper()
	return workspacetest.Repo(t, `
-- greet.txt --
hello wrold
-- check.sh --
grep -q "hello world" greet.txt
`)
}

// slip is the task to mend it, by agents as the scope says.
func slip(source string, scope autonoma.Scope) api.CreateTask {
	return api.CreateTask{
		Task: "Spell the greeting right.", Capabilities: []autonoma.Capability{autonoma.Build},
		Source: source, Scope: scope, Verify: []string{"sh check.sh"},
	}
}

// coder is a script for a single agent, which takes the turns given and finishes.
func coder(turns string) string {
	return "name: coder\nconversations:\n  - match: {agent: coder-ai}\n    turns:\n" + turns + `
      - calls: [{name: finish, args: {summary: Spell world right., confidence: 0.9}}]
`
}

// mend is the turn that mends the slip.
const mend = `
      - calls: [{name: edit, args: {path: greet.txt, old: wrold, new: world}}]
`

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
