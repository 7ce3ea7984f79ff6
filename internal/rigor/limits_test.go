package rigor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/internal/rigor"
)

func defaultLimits(t *testing.T) rigor.Limits {
	t.Helper()
	p, err := rigor.DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	return p.Limits
}

// Every line has every limit, and what is set reads as it was written.
func TestLimitsAreComplete(t *testing.T) {
	limits := defaultLimits(t)
	if len(limits) != len(rigor.LimitLines()) {
		t.Errorf("there are %d lines, want %v", len(limits), rigor.LimitLines())
	}
	for _, of := range rigor.LimitLines() {
		for _, l := range rigor.LimitKeys() {
			if text := l.Text(limits[of]); text == "0" && l.Key != "io" || text == "" || text == "0m" {
				t.Errorf("%s of %s is %q", l.Key, of, text)
			}
		}
	}
}

func TestLimitsOfAnOperator(t *testing.T) {
	for _, tt := range []struct{ text, fails string }{
		{"mvp: {memory: 512MiB, cpu: 0.5, io: 20MiB, wall: 90s, files: 10}\nsetup: {disk: 1.5GiB}\n", ""},
		{"", ""},
		{"mpv: {memory: 1GiB}\n", "line 1: there are no limits of mpv; there are those of demo, poc, mvp, product, production, setup"},
		{"mvp:\n  memory: 1GiB\n  memroy: 1GiB\n", "line 3: there is no limit memroy; there are memory, processes"},
		{"mvp: {memory: 4}\n", `line 1: memory of mvp: "4" is not a size as in 512MiB or 4GiB`},
		{"mvp: {memory: 4GB}\n", "is not a size"},
		{"mvp: {memory: -4GiB}\n", "is not a size"},
		{"mvp: {memory: 1KiB}\n", "is too little"},
		{"mvp: {processes: 0}\n", "is not a number of at least 1"},
		{"mvp: {cpu: .nan}\n", "is not a number of cores"},
		{"mvp: {wall: 20}\n", "is not a time"},
		{"mvp: 4GiB\n", "limits of mvp are {limit: value}"},
		{"- mvp\n", "limits are lines"},
		{"a: 1\nb: 2\n", "line 2: there are no limits of b"},
	} {
		file := filepath.Join(t.TempDir(), "limits.yaml")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := defaultLimits(t)
		l, err := before.WithFile(file)
		if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%q: %v", tt.text, err)
		}
		if err != nil || tt.text == "" {
			continue
		}
		b, was := l["mvp"], before["mvp"]
		if b.Memory != 512<<20 || b.CPU != 0.5 || b.IO != 20<<20 || b.Wall != 90*time.Second || b.Files != 10 || l["setup"].Disk != 3<<29 {
			t.Errorf("read as %+v", l)
		}
		if b.Processes != was.Processes || l["demo"] != before["demo"] || was.Memory == b.Memory {
			t.Errorf("others became %+v", l)
		}
	}
}

// An agent whose command goes beyond a limit of the scope is told which, and the log
// of the run has it; what it wrote is still there.
func TestLimitIsTold(t *testing.T) {
	s := open(t, greeting, `
  - match: {phase: generate}
    turns:
      - calls: [{name: bash, args: {command: "mkdir many; cd many; i=0; while :; do : > f$i; i=$((i+1)); done"}}]
      - calls: [{name: bash, args: {command: "sleep 30", timeout: 60}}]
      - calls: [{name: bash, args: {command: "test -e many/f1 && rm -r many && echo greeting >there"}}]
      - calls: [{name: finish, args: {summary: Too much., confidence: 1}}]
`)
	b := s.engine.Policy.Limits["demo"]
	b.Files, b.Wall = 500, 3*time.Second
	s.engine.Policy.Limits["demo"] = b
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.Demo})
	r := s.must(j)
	if got := s.show(j, r.Commit, "there"); got != "greeting\n" {
		t.Errorf("the last command left %q", got)
	}
	log, err := json.Marshal(s.events)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ended by the sandbox (files): it added more than 500 files", "ended by the sandbox (timeout): it took longer than 3s"} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
		told := false
		for _, q := range s.asked {
			for _, m := range q.Messages {
				text, _ := json.Marshal(m)
				told = told || strings.Contains(string(text), want)
			}
		}
		if !told {
			t.Errorf("the model was not told %q", want)
		}
	}
}

// A check and a step of set-up say what limit they went beyond.
func TestLimitOfChecks(t *testing.T) {
	finish := "      - calls: [{name: finish, args: {summary: Nothing., confidence: 1}}]\n"
	change := "      - calls: [{name: bash, args: {command: echo y >>y}}]\n"
	s := open(t, greeting, "\n  - turns:\n"+strings.Repeat(change+finish, 5))
	for of, b := range s.engine.Policy.Limits {
		b.Disk = 20 << 20
		s.engine.Policy.Limits[of] = b
	}
	fill := "head -c 60000000 /dev/zero >big"
	j := s.job("coder-ai", autonoma.Request{Scope: autonoma.POC, Verify: []string{fill}})
	r := s.must(j)
	if r.Verification == nil || len(r.Verification.Commands) != 1 || r.Verification.Commands[0].Ended != "disk" {
		t.Errorf("verified as %+v", r.Verification)
	}
	_, err := s.do(s.job("coder-ai", autonoma.Request{Scope: autonoma.POC, Setup: []string{fill}, Verify: []string{"true"}}))
	if err == nil || !strings.Contains(err.Error(), "ended by the sandbox (disk)") || !strings.Contains(err.Error(), "20 MiB") {
		t.Errorf("set-up ended with %v", err)
	}
}
