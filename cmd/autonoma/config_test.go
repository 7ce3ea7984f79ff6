package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"autonoma"
	"autonoma/internal/forge"
	"autonoma/internal/rigor"
)

// A server takes every setting by its flag, as the guide says.
func TestServeTakesSettings(t *testing.T) {
	flags := world{}.serveCommand().Flags()
	for _, s := range settings {
		if s.flag != "" && flags.Lookup(s.flag) == nil {
			t.Errorf("--%s is not there", s.flag)
		}
	}
}

// TestSettingsAreDocumented compares the guide with the settings that there are.
func TestSettingsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "| `") && strings.Contains(line, "`AUTONOMA_") {
			rows++
		}
	}
	if rows != len(settings) {
		t.Errorf("the guide has %d settings, the program %d", rows, len(settings))
	}
	flags := world{}.serveCommand().Flags()
	for _, s := range settings {
		if flags.Lookup(s.flag) == nil {
			t.Errorf("serve has no flag --%s", s.flag)
		}
		want := "| `" + s.key + "` | `" + s.env + "` | `--" + s.flag + "` |"
		if !strings.Contains(string(b), want) {
			t.Errorf("the guide lacks the row %s", want)
		}
	}
}

// TestForgesAreDocumented compares the guides with the forges that are built in, with
// the keys of the section, and with how the example is understood.
func TestForgesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	known, err := forge.New(nil, func(string) string { return "" }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range known.Sites() {
		want := "| `" + s.Host + "` | `" + strings.ReplaceAll(s.TokenEnv, " or ", "` or `") + "` |\n"
		if !strings.Contains(string(b), want) {
			t.Errorf("the guide lacks the row %s", want)
		}
	}
	_, text, _ := strings.Cut(string(b), "```yaml\nforges:")
	text, _, _ = strings.Cut(text, "```")
	file := filepath.Join(t.TempDir(), "autonoma.yaml")
	if err := os.WriteFile(file, []byte("forges:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := world{Getenv: func(name string) string { return map[string]string{"HOME": "/", "AUTONOMA_CONFIG": file}[name] }}
	cfg, err := w.configure(pflag.NewFlagSet("", pflag.ContinueOnError))
	want := forge.Forge{Host: "git.example.com:8443", Kind: forge.GitLab, TokenEnv: "WORK_TOKEN", API: "https://api.example.com"}
	if err != nil || len(cfg.Forges) != 1 || cfg.Forges[0] != want {
		t.Errorf("the example is read as %+v, %v", cfg.Forges, err)
	}
}

// The script that the guide shows carries out a task.
func TestScriptOfTheGuide(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "```yaml\nconversations:")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !closed {
		t.Fatal("the guide shows no script")
	}
	dir := t.TempDir()
	play := filepath.Join(dir, "try.yaml")
	if err := os.WriteFile(play, []byte("conversations:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	w := world{Stdout: &out, Stderr: &out, Getenv: func(name string) string { return map[string]string{"HOME": dir, "PATH": os.Getenv("PATH")}[name] }}
	args := []string{"run", "greet", "--source", "", "--scope", "demo", "--model", "script:" + play, "--data", filepath.Join(dir, "data")}
	if err := w.run(t.Context(), args); err != nil || !strings.Contains(out.String(), "A greeting.") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// The guide names every cause that usage is told by.
func TestCausesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/budgets.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Count(string(b), "\n| `")
	if rows != len(autonoma.Causes) {
		t.Errorf("the guide has %d causes, the program %d", rows, len(autonoma.Causes))
	}
	for _, c := range autonoma.Causes {
		if !strings.Contains(string(b), "\n| `"+string(c)+"` |") {
			t.Errorf("the guide lacks %s", c)
		}
	}
}

// What the file says of budgets is shown, with the date of the prices that costs are
// counted by; what cannot be is an error.
func TestBudgetsInTheFile(t *testing.T) {
	for _, tt := range []struct {
		file  string
		shows []string
		fails string
	}{
		{"budgets: {tenantMonthUsd: 50, tenantMonthTokens: 0}\n", []string{"budgets.tenantMonthUsd $50.00", "budgets.tenantMonthTokens 0", "budgets.allowUnknownPrice false", "catalogue prices of 20"}, ""},
		{"budgets: {allowUnknownPrice: true}\n", []string{"budgets.tenantMonthUsd no limit", "budgets.allowUnknownPrice true"}, ""},
		{"budgets: {tenantMonthUsd: -1}\n", nil, "must not be negative"},
		{"budgets: {tenantMonthUsd: .nan}\n", nil, "must not be negative"},
		{"budgets: {tenantYearUsd: 1}\n", nil, "there is no setting tenantYearUsd"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "autonoma.yaml")
		if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		w := world{Stdout: &out, Stderr: &out, Getenv: func(name string) string { return map[string]string{"HOME": dir, "AUTONOMA_CONFIG": file}[name] }}
		err := w.run(t.Context(), []string{"config"})
		if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %v", tt.file, err)
		}
		got := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range tt.shows {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not shown in\n%s", tt.file, want, out.String())
			}
		}
	}
}

// The guide tells the limits that there are, and shows a setting that is taken.
func TestLimitsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/guide/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rigor.DefaultPolicy()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range rigor.LimitKeys() {
		row := "| `" + l.Key + "` |"
		for _, of := range rigor.LimitLines() {
			row += " " + l.Text(policy.Limits[of]) + " |"
		}
		if row += " " + l.Help + " |\n"; !strings.Contains(string(b), row) {
			t.Errorf("the guide lacks the row %s", row)
		}
	}
	_, text, ok := strings.Cut(string(b), "```yaml\nlimits:")
	text, _, closed := strings.Cut(text, "```")
	if !ok || !closed {
		t.Fatal("the guide shows no setting")
	}
	dir := t.TempDir()
	file, other := filepath.Join(dir, "autonoma.yaml"), filepath.Join(dir, "other.yaml")
	for name, text := range map[string]string{file: "limits:" + text, other: "mvp: {memory: 9GiB}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args  []string
		shows []string
		fails string
	}{
		{nil, []string{"limits.mvp memory 8GiB, processes 1024, openFiles 8192, cpu 6, io 200MiB, wall 20m", "disk 40GiB", "limits (in the file)", "limits.demo memory 4GiB"}, ""},
		{[]string{"--limits", other}, []string{"limits.mvp memory 9GiB, processes 1024, openFiles 8192, cpu 4", "(--limits)"}, ""},
		{[]string{"--limits", file}, nil, "line 1: there are no limits of limits"},
		{[]string{"--limits", dir + "/missing"}, nil, "no such file"},
	} {
		var out strings.Builder
		w := world{Stdout: &out, Stderr: &out, Getenv: func(name string) string { return map[string]string{"HOME": dir, "AUTONOMA_CONFIG": file}[name] }}
		err := w.run(t.Context(), append([]string{"config"}, tt.args...))
		if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%v: %v", tt.args, err)
		}
		got := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range tt.shows {
			if !strings.Contains(got, want) {
				t.Errorf("%v: the settings lack %q: %s", tt.args, want, got)
			}
		}
	}
}
