package sandbox_test

import (
	"slices"
	"testing"

	"autonoma/internal/sandbox"
)

// Of two levels one is the stronger; what is no level is never enough.
func TestAtLeast(t *testing.T) {
	order := []sandbox.Level{"gvisor", "namespaces", "bubblewrap", "container", "landlock", "none"}
	if got := sandbox.Levels(); !slices.Equal(got, order) {
		t.Fatalf("the levels are %v", got)
	}
	for i, a := range order {
		for j, b := range order {
			if got := a.AtLeast(b); got != (i <= j) {
				t.Errorf("%s is at least %s: %t", a, b, got)
			}
		}
		if a.AtLeast("fort") || a.AtLeast("") || sandbox.Level("fort").AtLeast(a) || sandbox.Level("").AtLeast(a) {
			t.Errorf("%s is held against what is no level", a)
		}
	}
}

// Every level that can be chosen has its place in the ranking, and those that leave
// the host in view say so.
func TestLevelsAreRanked(t *testing.T) {
	for _, choice := range sandbox.Choices() {
		if choice != sandbox.Auto && !slices.Contains(sandbox.Levels(), sandbox.Level(choice)) {
			t.Errorf("%s has no place in the ranking", choice)
		}
	}
	for _, l := range sandbox.Levels() {
		if weak := !l.AtLeast(sandbox.Container); weak != (l.Weakness() != "") {
			t.Errorf("%s: weakness %q", l, l.Weakness())
		}
	}
}

// What is demanded at least changes what auto chooses only where it has to, and never
// what was asked for by name.
func TestOpenAtLeast(t *testing.T) {
	named, _, err := sandbox.OpenAtLeast(t.Context(), string(sandbox.None), sandbox.Namespaces)
	if err != nil || named.Level() != sandbox.None {
		t.Errorf("none was named: %v", err)
	}
	auto, _, without := sandbox.Open(t.Context(), sandbox.Auto)
	for _, least := range sandbox.Levels() {
		s, proof, err := sandbox.OpenAtLeast(t.Context(), sandbox.Auto, least)
		if (err == nil) != (without == nil) {
			t.Fatalf("at least %s: %v, and else %v", least, err, without)
		}
		if err != nil {
			continue
		}
		if !proof.OK || proof.Level != s.Level() {
			t.Errorf("at least %s: %s, proven by %+v", least, s.Level(), proof)
		}
		if auto.Level().AtLeast(least) && s.Level() != auto.Level() || s.Level() != auto.Level() && !s.Level().AtLeast(least) {
			t.Errorf("at least %s: %s, where auto is %s", least, s.Level(), auto.Level())
		}
	}
}
