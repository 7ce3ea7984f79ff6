package realtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
	"autonoma/internal/model/script"
)

// program is the built program, made once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "autonoma-realtest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "autonoma")
	build := exec.Command("go", "build", "-o", path, "autonoma/cmd/autonoma")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("go build: %w: %s", err, out), os.RemoveAll(dir))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// A server is a running process of the program, and a client of it.
type server struct {
	*client.Client
	t   *testing.T
	log *lines
}

// start runs the server on sources below root, with a model that plays the
// conversations. Variables of env are added to those of the test.
func start(t *testing.T, root string, says []script.Conversation, env ...string) *server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t)
	text, err := yaml.Marshal(script.Script{Name: t.Name(), Conversations: says})
	if err != nil {
		t.Fatal(err)
	}
	play, data, config := filepath.Join(dir, "script.yaml"), filepath.Join(dir, "data"), filepath.Join(dir, "autonoma.yaml")
	write(t, play, string(text))
	write(t, config, "")
	// The process outlives the context of the test, which is done before the
	// test has cleaned up.
	cmd := exec.Command(path, "serve", "--listen", "127.0.0.1:0", "--data", data, "--source-root", root, "--model", "script:"+play)
	cmd.Dir = dir
	cmd.Env = append(environment(), append(env, "AUTONOMA_CONFIG="+config)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s := &server{t: t, log: new(lines)}
	cmd.Stderr = s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(cmd) })
	for told := bufio.NewScanner(out); told.Scan(); {
		if _, url, ok := strings.Cut(told.Text(), " listens on "); ok {
			s.Client = &client.Client{BaseURL: url, Key: key(t, data)}
			return s
		}
	}
	t.Fatalf("the server ended before it listened:\n%s", s.log)
	return nil
}

// stop ends the process as an operator would.
func (s *server) stop(cmd *exec.Cmd) {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stop the server: %v", err)
	}
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		s.t.Errorf("the server ended badly: %v", err)
	}
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", s.log)
	}
}

// environment is that of the test without settings of the program.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AUTONOMA_") {
			env = append(env, v)
		}
	}
	return env
}

func key(t *testing.T, data string) string {
	t.Helper()
	var have struct{ Key string }
	b, err := os.ReadFile(filepath.Join(data, "credentials.json"))
	if err == nil {
		err = json.Unmarshal(b, &have)
	}
	if err != nil || have.Key == "" {
		t.Fatalf("no key in the credentials: %v", err)
	}
	return have.Key
}

// A run is a task that is over, and all that was told of it.
type run struct {
	api.Task
	events []api.Event
}

// do submits a task and waits for its end.
func (s *server) do(t *testing.T, in api.CreateTask) run {
	t.Helper()
	in.Capabilities = []autonoma.Capability{autonoma.Build}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	made, err := s.CreateTask(ctx, in)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	var r run
	for e, err := range s.Events(ctx, made.TaskID, 0) {
		if err != nil {
			t.Fatalf("events: %v", err)
		}
		if e.Seq != int64(len(r.events)+1) {
			t.Fatalf("event %d has the number %d", len(r.events)+1, e.Seq)
		}
		r.events = append(r.events, e)
	}
	if r.Task, err = s.Task(ctx, made.TaskID); err != nil {
		t.Fatal(err)
	}
	return r
}

// completed fails the test if the run is not.
func (r run) completed(t *testing.T) {
	t.Helper()
	if r.Status != autonoma.Completed {
		told, _ := json.MarshalIndent(r.Error, "", "  ")
		t.Fatalf("the run is %s: %s", r.Status, told)
	}
}

// A call is what an event tells of a tool call.
type call struct {
	Name   string
	Output string
	Failed bool
}

// calls returns the calls of a tool, in order.
func (r run) calls(t *testing.T, name string) []call {
	t.Helper()
	var all []call
	for _, c := range dataOf[call](t, r, autonoma.EventCall) {
		if c.Name == name {
			all = append(all, c)
		}
	}
	return all
}

// notices returns the codes of what was told about the source.
func (r run) notices(t *testing.T) []string {
	t.Helper()
	var codes []string
	for _, w := range dataOf[struct {
		What    string
		Notices []struct{ Code string }
	}](t, r, autonoma.EventWork) {
		if w.What != "look" {
			continue
		}
		for _, n := range w.Notices {
			codes = append(codes, n.Code)
		}
		return codes // each step looks anew
	}
	return nil
}

// dataOf returns the data of the events of a kind.
func dataOf[T any](t *testing.T, r run, kind autonoma.EventKind) []T {
	t.Helper()
	var all []T
	for _, e := range r.events {
		if e.Kind != kind {
			continue
		}
		var v T
		if err := json.Unmarshal(e.Data, &v); err != nil {
			t.Fatalf("event %d: %v", e.Seq, err)
		}
		all = append(all, v)
	}
	return all
}

// scratch makes a directory for things that are hard to remove: package clients
// make directories that even their owner may not write to.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "autonoma-realtest-") //nolint:usetesting // whose removal must be ours
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// lines keeps what a process prints.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
