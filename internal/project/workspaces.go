package project

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pnpmMembers returns the patterns of a pnpm-workspace.yaml.
func pnpmMembers(t *tree, dir string) []string {
	text, ok := t.manifest(path.Join(dir, "pnpm-workspace.yaml"))
	if !ok || len(text) > 64<<10 {
		return nil
	}
	var w struct {
		Packages []string `yaml:"packages"`
	}
	if yaml.Unmarshal(text, &w) != nil {
		return nil
	}
	return w.Packages
}

// memberOf reports whether a directory is matched by the patterns of a
// workspace, of which the last that matches counts; one with a "!" takes out.
func memberOf(dir string, patterns []string) (in bool) {
	for _, p := range patterns {
		out := strings.HasPrefix(p, "!")
		p = path.Clean(strings.TrimPrefix(strings.TrimPrefix(p, "!"), "./"))
		if matchDir(strings.Split(p, "/"), strings.Split(dir, "/")) {
			in = !out
		}
	}
	return in
}

// matchDir matches a path, segment by segment; "**" stands for any number of
// segments. It takes at most pattern × name steps, whatever the pattern.
func matchDir(pattern, name []string) bool {
	// reach[i] tells whether the pattern so far matches the first i segments.
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for _, p := range pattern {
		next := make([]bool, len(name)+1)
		for i := range reach {
			if p == "**" {
				next[i] = reach[i] || i > 0 && next[i-1]
			} else if i > 0 && reach[i-1] {
				next[i], _ = path.Match(p, name[i-1])
			}
		}
		reach = next
	}
	return reach[len(name)]
}
