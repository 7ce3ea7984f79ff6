package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs each file of testdata/script: sessions at a shell, as a user
// would type them. Beside the usual commands there are
//
//	ready [PATH]                   waits until the server at $ADDR answers well, at /readyz if not told
//	http STATUS METHOD PATH [KEY]  asks it, with the key in a file, and wants that status
//	exits CODE PROGRAM [ARG]...    runs a program and wants that exit code
//	repo DIR                       makes a directory a repository and commits what is there
//	mode BITS PATH                 wants the permissions of a file or directory
//	take NAME PATTERN              sets a variable to the first match in the last output
//	member PATH FROM TO            writes a text within a JSON file, as in keys.0.id, to a file
//	tamper FROM TO                 changes one letter of what is signed in evidence
//	lie FROM KEYS TO KEYS          signs evidence anew that says that all passed on the base
//
// and the condition [sandbox]: commands can be confined on this machine.
func TestScript(t *testing.T) {
	level, err := box()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.Getenv("WORK")+"/home")
			e.Setenv("ADDR", fmt.Sprintf("127.%d.%d.%d:7420", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
			e.Setenv("AUTONOMA_SANDBOX", level)
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			return goCaches(e)
		},
		Condition: func(name string) (bool, error) {
			if name != "sandbox" {
				return false, fmt.Errorf("condition %q is not known", name)
			}
			return level != "none", nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": ready, "http": ask, "exits": exits, "repo": repo, "mode": mode,
			"take": take, "member": member, "tamper": tamper, "lie": lie, "fail": fail,
		},
	})
}

// goCaches lets the go command of scripts use what this machine has.
func goCaches(e *testscript.Env) error {
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	dirs := strings.Fields(string(out))
	e.Setenv("GOCACHE", dirs[0])
	e.Setenv("GOMODCACHE", dirs[1])
	return nil
}

func ready(ts *testscript.TestScript, _ bool, args []string) {
	path := "/readyz"
	if len(args) > 0 {
		path = args[0]
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + ts.Getenv("ADDR") + path)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("the server is not ready")
}

func ask(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: http STATUS METHOD PATH [KEY]")
	}
	req, err := http.NewRequest(args[1], "http://"+ts.Getenv("ADDR")+args[2], nil)
	ts.Check(err)
	if len(args) == 4 {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[3])))
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", body)
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("%s %s: status %s, want %s: %s", args[1], args[2], got, args[0], body)
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if status, ok := errors.AsType[*exec.ExitError](err); ok {
		code = status.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func repo(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: repo DIR")
	}
	dir := ts.MkAbs(args[0])
	for _, words := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "Start"},
	} {
		ts.Check(ts.Exec("git", append([]string{"-C", dir}, words...)...))
	}
}

func mode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: mode BITS PATH")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has the permissions %s, want %s", args[1], got, args[0])
	}
}
