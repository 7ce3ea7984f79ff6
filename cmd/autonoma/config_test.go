package main

import (
	"os"
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
