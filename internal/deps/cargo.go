package deps

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// cargoToml reads what a crate asks for, for all targets, and what its workspace does
// (https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html).
func cargoToml(s *Set, file string, text []byte) error {
	type sections struct {
		Dependencies map[string]any
		Dev          map[string]any `toml:"dev-dependencies"`
		Build        map[string]any `toml:"build-dependencies"`
	}
	var doc struct {
		Dependencies map[string]any
		Dev          map[string]any `toml:"dev-dependencies"`
		Build        map[string]any `toml:"build-dependencies"`
		Target       map[string]sections
		Workspace    struct{ Dependencies map[string]any }
	}
	if err := toml.Unmarshal(text, &doc); err != nil {
		return err
	}
	all := []map[string]any{doc.Dependencies, doc.Dev, doc.Build, doc.Workspace.Dependencies}
	for _, name := range sortedKeys(doc.Target) {
		t := doc.Target[name]
		all = append(all, t.Dependencies, t.Dev, t.Build)
	}
	var wants []want
	for _, named := range all {
		for _, name := range sortedKeys(named) {
			if table, ok := named[name].(map[string]any); ok && table["workspace"] == true {
				continue // the workspace has it
			}
			wants = append(wants, tableWant(file, name, named[name]))
		}
	}
	s.manifest(file, Crates, wants)
	return nil
}

// tableWant reads a dependency as Cargo and Poetry write them: a version, or a table
// with a version or a place.
func tableWant(file, name string, value any) want {
	w := want{name: name}
	switch v := value.(type) {
	case string:
		w.spec = v
	case map[string]any:
		text := func(key string) string { t, _ := v[key].(string); return t }
		w.spec = fmt.Sprint(v) // maps are printed in order
		if renamed := text("package"); renamed != "" {
			w.name = renamed
		}
		switch {
		case text("git") != "" && text("rev") != "":
			w.remote(text("git") + "#" + text("rev"))
		case text("git") != "":
			w.remote(text("git"))
		case text("url") != "":
			w.remote(text("url"))
		case text("path") != "":
			w.local(file, text("path"))
		default:
			w.spec = text("version")
		}
	}
	if one, ok := strings.CutPrefix(w.spec, "="); ok {
		w.version = strings.TrimSpace(strings.TrimLeft(one, "="))
	}
	return w
}

// tomlLock reads the packages of Cargo.lock, poetry.lock and uv.lock, which all are
// tables of name and version. What has no place in a registry, as the project itself, is
// left out where the file tells.
func tomlLock(ecosystem string) parser {
	return func(s *Set, file string, text []byte) error {
		var pins []pin
		var p pin
		registry := ecosystem == PyPI
		flush := func() {
			if p.name != "" && p.version != "" && registry {
				pins = append(pins, p)
			}
			p, registry = pin{}, ecosystem == PyPI
		}
		inside := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") && !strings.HasPrefix(line, "[package.") || line == "[[package]]" {
				flush()
				inside = line == "[[package]]"
				continue
			}
			key, value, ok := strings.Cut(line, "=")
			if !inside || !ok {
				continue
			}
			value = strings.TrimSpace(value)
			switch strings.TrimSpace(key) {
			case "name":
				p.name = strings.Trim(value, `"`)
			case "version":
				p.version = strings.Trim(value, `"`)
			case "source":
				registry = !strings.Contains(value, "virtual =") && !strings.Contains(value, "editable =") && !strings.Contains(value, "directory =")
			}
		}
		flush()
		s.lock(file, ecosystem, pins)
		return nil
	}
}
