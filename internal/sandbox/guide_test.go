package sandbox

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// The guide tells of every level that can be chosen, strongest first.
func TestGuideTellsOfAllLevels(t *testing.T) {
	if os.Getenv(inner) != "" {
		return // it runs where the sources are not
	}
	text := read(t, "../../docs/guide/sandbox.md")
	var told []Level
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(text, -1) {
		told = append(told, Level(row[1]))
	}
	if !slices.Equal(told, Levels()) {
		t.Errorf("the guide has %v, there are %v", told, Levels())
	}
	for _, level := range told {
		if !slices.Contains(Choices(), string(level)) {
			t.Errorf("%s cannot be chosen", level)
		}
	}
}

// Auto tries the levels that cost little, strongest first, then the others.
func TestOrderOfAuto(t *testing.T) {
	var order []Level
	for _, d := range drivers() {
		if d.auto {
			order = append(order, d.level)
		}
	}
	if want := []Level{Namespaces, Bubblewrap, GVisor, Container}; !slices.Equal(order, want) {
		t.Errorf("auto tries %v, want %v", order, want)
	}
}
