package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
	for _, s := range settings {
		want := "| `" + s.key + "` | `" + s.env + "` | `--" + s.flag + "` |"
		if !strings.Contains(string(b), want) {
			t.Errorf("the guide lacks the row %s", want)
		}
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
