package benchtest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/client"
)

// A server is a running program that said where it listens.
type server struct {
	cmd   *exec.Cmd
	url   string
	errs  *os.File
	ready time.Duration // from the start of the process to the first good answer
}

// launch starts a program that prints "listens on <url>" and waits until a GET of
// path there is answered with 200. It inherits nothing from the environment but
// what it needs to find its tools.
func launch(b *testing.B, path string, env []string, argv ...string) *server {
	b.Helper()
	errs, err := os.CreateTemp(b.TempDir(), "stderr")
	if err != nil {
		b.Fatal(err)
	}
	s := &server{errs: errs, cmd: exec.Command(argv[0], argv[1:]...)}
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(errs.Name())}, env...)
	s.cmd.Stderr = errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for s.url == "" && lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "listens on "); ok {
			s.url = url
		}
	}
	if s.url == "" {
		_ = s.cmd.Wait()
		b.Fatalf("%s did not start:\n%s", argv[0], s.said())
	}
	go io.Copy(io.Discard, out)
	resp, err := http.Get(s.url + path)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.stop(b)
		b.Fatalf("GET %s: %v %v\n%s", path, resp, err, s.said())
	}
	s.ready = time.Since(start)
	resp.Body.Close()
	return s
}

// said returns what the program wrote to its standard error.
func (s *server) said() string {
	text, _ := os.ReadFile(s.errs.Name())
	return string(text)
}

// stop ends the program and waits for that.
func (s *server) stop(b *testing.B) {
	b.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	_ = s.cmd.Wait() // the bare one ends by the signal
	s.errs.Close()
}

// kill ends the program at once, whatever it is doing.
func (s *server) kill(b *testing.B) {
	b.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		b.Error(err)
	}
	_ = s.cmd.Wait() // tells that it was killed
	s.errs.Close()
}

// resident returns how many bytes of the process are in memory.
func (s *server) resident(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(s.cmd.Process.Pid) + "/status")
	if err != nil {
		lacking(b, "the memory of a process cannot be read here: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb << 10
		}
	}
	b.Fatalf("no VmRSS in\n%s", status)
	return 0
}

// An instance is the real server, and a client of it.
type instance struct {
	*server
	*client.Client
}

// serve starts the real server on a data directory.
func serve(b *testing.B, data string, env []string, args ...string) instance {
	b.Helper()
	// What is measured is the server, not the limits of a plan.
	limits := filepath.Join(b.TempDir(), "autonoma.yaml")
	if err := os.WriteFile(limits, []byte("plans: {enterprise: {perHour: 1000000000, perMinute: 100000000}}\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	env = append(env, "AUTONOMA_CONFIG="+limits)
	argv := append([]string{program(b, "autonoma/cmd/autonoma"), "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error"}, args...)
	s := launch(b, "/readyz", env, argv...)
	text, err := os.ReadFile(filepath.Join(data, "credentials.json"))
	if err != nil {
		b.Fatal(err)
	}
	var have struct{ Key string }
	if err := json.Unmarshal(text, &have); err != nil {
		b.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return instance{s, &client.Client{BaseURL: s.url, Key: have.Key, HTTP: &http.Client{Transport: transport}}}
}

// dataDir returns a new directory that only its owner can read.
func dataDir(b *testing.B) string {
	b.Helper()
	return filepath.Join(b.TempDir(), "data")
}

// small is a task for one agent, of the least scope.
func small(source string) api.CreateTask {
	return api.CreateTask{Task: "Write a note.", Capabilities: []autonoma.Capability{autonoma.Build}, Scope: autonoma.Demo, Source: source}
}

// submit hands over a task.
func (i instance) submit(b *testing.B, in api.CreateTask) autonoma.RunID {
	b.Helper()
	made, err := i.CreateTask(b.Context(), in)
	if err != nil {
		if status, unhealthy := i.Health(b.Context()); unhealthy == nil {
			b.Logf("health: %+v", status)
		}
		lackingModelOrBox(b, err, i.said())
	}
	return made.TaskID
}

// lackingModelOrBox ends a benchmark whose task was refused: where there is no
// sandbox, tasks are.
func lackingModelOrBox(b *testing.B, err error, said string) {
	b.Helper()
	if strings.Contains(err.Error(), "confined") {
		lacking(b, "%v", err)
	}
	b.Fatalf("submit: %v\n%s", err, said)
}

// finish waits until the task is over, and complains unless it is completed.
func (i instance) finish(b *testing.B, id autonoma.RunID) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	for _, err := range i.Events(ctx, id, 0) {
		if err != nil {
			b.Fatal(err)
		}
	}
	task, err := i.Task(ctx, id)
	if err != nil {
		b.Fatal(err)
	}
	if task.Status != autonoma.Completed {
		b.Fatalf("%s is %s: %+v\n%s", id, task.Status, task.Error, i.said())
	}
}
