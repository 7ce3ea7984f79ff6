package realtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/model/script"
)

// A project is a work of others and a bug that its own tests notice.
type project struct {
	name    string
	fetch   func(t *testing.T) (dir string)
	env     func(t *testing.T) []string // settings of the package client, for the server
	scope   autonoma.Scope
	file    string // where the bug is planted
	good    string // the right passage
	bad     string // the wrong one
	grep    string // finds it
	test    string // how the agent runs the tests
	install string // how the tests are made to run outside of the platform; empty: nothing to do
	check   string // how they are run there
	makes   []string
}

var projects = []project{{
	name: "Go", fetch: goModule("github.com/alecthomas/kong@v1.12.1", 5000), env: goSettings, scope: autonoma.MVP,
	file: "scanner.go", good: "s.args = append([]Token{token}, s.args...)", bad: "s.args = append(s.args, token)", grep: `s\.args = append\(.*token`,
	test: "go test ./...", check: "go test -count=1 ./...",
}, {
	name: "npm", fetch: npmPackage("duplexify@4.1.3"), env: npmSettings, scope: autonoma.POC,
	file: "index.js", good: "  opts.objectMode = true\n", bad: "  opts.objectMode = false\n", grep: `objectMode`,
	test: "npm test", install: "npm install --no-package-lock --no-audit --no-fund", check: "npm test",
	makes: []string{"node_modules"},
}, {
	name: "Python", fetch: pythonSource("wsproto==1.2.0"), env: pipSettings, scope: autonoma.POC,
	file: "src/wsproto/utilities.py", good: `[piece.decode("ascii").strip() for piece in`, bad: `[piece.decode("ascii") for piece in`, grep: `piece\.decode`,
	test:    ".venv/bin/python -m pytest -q test/test_handshake.py",
	install: "python3 -m venv .venv && .venv/bin/pip install --quiet -e . pytest", check: ".venv/bin/python -m pytest -q",
	makes: []string{".venv"},
}}

// TestRealProjects has a bug mended in projects that others wrote.
func TestRealProjects(t *testing.T) {
	for _, p := range projects {
		t.Run(p.name, func(t *testing.T) { p.mend(t) })
	}
}

func (p project) mend(t *testing.T) {
	root := scratch(t)
	repo := filepath.Join(root, "project")
	if err := os.Rename(p.fetch(t), repo); err != nil {
		t.Fatal(err)
	}
	original := commit(t, repo, "As released")
	p.plant(t, repo)
	base := commit(t, repo, "Tidy up")
	before := stateOf(t, repo)
	reach := listen(t)

	s := start(t, root, p.conversations(reach.command()), append(p.env(t), mirrors(t))...)
	r := s.do(t, api.CreateTask{Task: "The tests fail since the last commit. Find out why and mend it.", Source: repo, Scope: p.scope})
	r.completed(t)

	p.claims(t, r, base)
	p.installed(t, r)
	p.worked(t, r, reach)
	if made := before.sameExcept(t, repo, delivered); len(made) == 0 {
		t.Error("no branch was added to the source")
	}
	branch := "autonoma/" + string(r.TaskID)
	if changed := git(t, repo, "diff", "--name-only", base, branch); changed != p.file {
		t.Errorf("the branch changes %q, want %s alone", changed, p.file)
	}
	if diff := git(t, repo, "diff", original, branch); diff != "" {
		t.Errorf("the branch is not what was released:\n%s", diff)
	}
	p.checkAgain(t, repo, base, branch)
}

// plant puts the bug in. The releases are pinned: a passage that is not there, or
// not once, is a fault of the test.
func (p project) plant(t *testing.T, repo string) {
	t.Helper()
	path := filepath.Join(repo, filepath.FromSlash(p.file))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte(p.good)); n != 1 {
		t.Fatalf("%s has the passage %q %d times, want once", p.file, p.good, n)
	}
	write(t, path, strings.Replace(string(b), p.good, p.bad, 1))
}

// conversations are what the model says: it sees the tests fail, tries to reach
// the network, looks for the cause, mends it and sees the tests pass.
func (p project) conversations(reach string) []script.Conversation {
	say := func(name string, args map[string]any) script.Turn {
		return script.Turn{Calls: []script.Call{{Name: name, Args: args}}}
	}
	finish := func(more map[string]any) script.Turn {
		args := map[string]any{"summary": "Put the condition right that the last commit changed.", "confidence": 0.9}
		for k, v := range more {
			args[k] = v
		}
		return say("finish", args)
	}
	bash := func(command string) script.Turn {
		return say("bash", map[string]any{"command": command, "timeout": 300})
	}
	return []script.Conversation{
		{Match: script.Match{Agent: "coder-ai", Phase: "generate"}, Turns: []script.Turn{
			bash(p.test),
			bash(reach),
			say("grep", map[string]any{"pattern": p.grep}),
			say("read", map[string]any{"path": p.file}),
			say("edit", map[string]any{"path": p.file, "old": p.bad, "new": p.good}),
			bash(p.test),
			finish(nil),
		}},
		{Match: script.Match{Agent: "tester-ai", Phase: "generate"}, Turns: []script.Turn{finish(nil)}},
		{Match: script.Match{Agent: "review-ai", Phase: "generate"}, Turns: []script.Turn{finish(map[string]any{"verdict": "approve"})}},
		{Turns: []script.Turn{finish(map[string]any{"document": "The project's own tests say what is wrong."})}},
	}
}

// claims checks what the platform says about the result.
func (p project) claims(t *testing.T, r run, base string) {
	t.Helper()
	o := r.Output
	if o == nil || o.Branch == nil || *o.Branch != "autonoma/"+string(r.TaskID) || o.BaseCommit != base || o.FilesChanged != 1 || o.Insertions != 1 || o.Deletions != 1 {
		told, _ := json.Marshal(o)
		t.Fatalf("output is %s", told)
	}
	v := o.Verification
	if v.Status != autonoma.Verified || v.Commit == nil || *v.Commit != o.HeadCommit || v.Isolation == nil || *v.Isolation == "none" {
		told, _ := json.Marshal(v)
		t.Errorf("verification is %s", told)
	}
	red := 0
	for _, c := range v.Commands {
		if c.Before != nil && *c.Before == autonoma.Failing {
			red++
		}
		if c.After == nil || *c.After != autonoma.Passed {
			t.Errorf("%s does not pass on the result", c.Command)
		}
	}
	if red == 0 {
		t.Errorf("no check failed before the change: %+v", v.Commands)
	}
}

// installed checks that set-up, and nothing else, brought the dependencies.
func (p project) installed(t *testing.T, r run) {
	t.Helper()
	n := 0
	for _, w := range dataOf[struct {
		What, Problem string
		Installed     struct {
			Makes []string
			Steps []struct {
				Command  string
				ExitCode int
			}
		}
	}](t, r, autonoma.EventWork) {
		if w.What != "setup" {
			continue
		}
		n++
		if w.Problem != "" || len(w.Installed.Steps) == 0 || !slices.Equal(w.Installed.Makes, p.makes) {
			t.Errorf("set-up came to %+v", w)
		}
		for _, s := range w.Installed.Steps {
			if s.ExitCode != 0 {
				t.Errorf("set-up: %s ended with %d", s.Command, s.ExitCode)
			}
		}
	}
	if n == 0 {
		t.Error("there was no set-up")
	}
	reached := 0
	for _, e := range dataOf[autonoma.Egress](t, r, autonoma.EventEgress) {
		if e.By != autonoma.EgressSetup || e.Phase != autonoma.Inspect || !e.Allowed {
			t.Errorf("set-up alone may reach something: %+v", e)
		}
		if e.Reason == "" && e.Received > 0 {
			reached++
		}
	}
	if reached == 0 {
		t.Error("set-up reached no registry")
	}
}

// worked checks what came of the agent's calls.
func (p project) worked(t *testing.T, r run, reach *target) {
	t.Helper()
	ran := r.calls(t, "bash")
	if len(ran) != 3 {
		t.Fatalf("%d commands were run, want 3: %+v", len(ran), ran)
	}
	if !ran[0].Failed {
		t.Errorf("the tests passed before the change:\n%s", ran[0].Output)
	}
	if !ran[1].Failed || !strings.Contains(ran[1].Output, unreached) {
		t.Errorf("a command of the agent reached the network:\n%s", ran[1].Output)
	}
	if ran[2].Failed {
		t.Errorf("the tests failed after the change:\n%s", ran[2].Output)
	}
	for _, tool := range []string{"grep", "read"} {
		if c := r.calls(t, tool); len(c) != 1 || c[0].Failed {
			t.Errorf("%s came to %+v", tool, c)
		}
	}
	if c := r.calls(t, "grep"); len(c) == 1 && !strings.Contains(c[0].Output, p.file) {
		t.Errorf("grep did not find the place:\n%s", c[0].Output)
	}
	if n := reach.met.Load(); n != 0 {
		t.Errorf("%d connections came out of the sandbox", n)
	}
	// The same command where there is a network: it could have been otherwise.
	if out, err := exec.CommandContext(t.Context(), "bash", "-c", reach.command()).CombinedOutput(); err != nil {
		t.Errorf("the command does not work anywhere: %v\n%s", err, out)
	}
}

// checkAgain runs the tests on the base and on the branch without the platform.
func (p project) checkAgain(t *testing.T, repo, base, branch string) {
	t.Helper()
	dir := filepath.Join(scratch(t), "again")
	git(t, filepath.Dir(dir), "clone", "-q", "--no-hardlinks", repo, dir)
	run := func(command string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	git(t, dir, "checkout", "-q", base)
	if p.install != "" {
		if out, err := run(p.install); err != nil {
			t.Fatalf("%s: %v\n%s", p.install, err, out)
		}
	}
	if out, err := run(p.check); err == nil {
		t.Errorf("the tests pass on the base:\n%s", out)
	}
	git(t, dir, "checkout", "-q", "origin/"+branch)
	if out, err := run(p.check); err != nil {
		t.Errorf("the tests fail on the branch: %v\n%s", err, out)
	}
}

// A target is an address of this machine and counts who comes there.
type target struct {
	port int
	met  atomic.Int32
}

func listen(t *testing.T) *target {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	to := &target{port: ln.Addr().(*net.TCPAddr).Port}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			to.met.Add(1)
			c.Close()
		}
	}()
	return to
}

const unreached = "cannot get there"

// command tries to reach the target, and fails if that fails.
func (to *target) command() string {
	return fmt.Sprintf("(exec 3<>/dev/tcp/127.0.0.1/%d) || { echo %s; exit 7; }", to.port, unreached)
}
