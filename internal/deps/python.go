package deps

import (
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"autonoma"
)

// requirement is a line of PEP 508: name, extras, and the rest.
var requirement = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$`)

// pinned is the one clause of a version specifier that leaves one version.
var pinned = regexp.MustCompile(`^={2,3}\s*([0-9A-Za-z.!+_-]+)$`)

// pyWant reads a requirement (PEP 508): a name with versions, or with a place.
func pyWant(file, line string) (want, bool) {
	line, _, _ = strings.Cut(line, ";")
	m := requirement.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return want{}, false
	}
	w := want{name: m[1], spec: strings.Trim(m[2], "() ")}
	if at, ok := strings.CutPrefix(w.spec, "@"); ok {
		w.point(file, strings.TrimSpace(at))
	} else if v := pinned.FindStringSubmatch(w.spec); v != nil {
		w.version = v[1]
	}
	return w, true
}

// point notes that a requirement points to a URL or a path.
func (w *want) point(file, at string) {
	if strings.Contains(at, "://") && !strings.HasPrefix(at, "file:") {
		w.remote(at)
		return
	}
	w.local(file, strings.TrimPrefix(at, "file://"))
}

// requirements reads a file of pip
// (https://pip.pypa.io/en/stable/reference/requirements-file-format/).
func requirements(s *Set, file string, text []byte) error {
	var wants []want
	joined := strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\\\n", " ")
	for line := range strings.Lines(joined) {
		if at := strings.Index(line, " #"); at >= 0 {
			line = line[:at]
		}
		line = strings.TrimSpace(line)
		option, value, _ := strings.Cut(strings.Replace(line, "=", " ", 1), " ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case option == "-i", option == "--index-url", option == "--extra-index-url", option == "--find-links", option == "-f":
			if v := strings.TrimSpace(value); !strings.HasPrefix(v, "https://pypi.org/") {
				s.problem(file, autonoma.MediumRisk, "packages are taken from %s", place(v))
			}
		case option == "--trusted-host":
			s.problem(file, autonoma.HighRisk, "the certificate of %s is not verified", place(strings.TrimSpace(value)))
		case option == "-e", option == "--editable", !strings.HasPrefix(line, "-") && (strings.Contains(option, "://") || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "/")):
			at := strings.TrimSpace(line)
			if option == "-e" || option == "--editable" {
				at = strings.TrimSpace(line[len(option):])
			}
			w := want{name: eggName(at), spec: at}
			w.point(file, at)
			if w.name != "" || w.elsewhere != "" {
				wants = append(wants, w)
			}
		case strings.HasPrefix(line, "-"):
		default:
			line, _, _ = strings.Cut(line, " --") // hashes
			if w, ok := pyWant(file, line); ok {
				wants = append(wants, w)
			}
		}
	}
	s.manifest(file, PyPI, wants)
	return nil
}

// eggName returns the name that a place of pip gives to what is there.
func eggName(at string) string {
	_, name, _ := strings.Cut(at, "#egg=")
	name, _, _ = strings.Cut(name, "&")
	name, _, _ = strings.Cut(name, "[")
	return name
}

// pyproject reads the dependencies of PEP 621, of dependency groups (PEP 735), and of
// Poetry.
func pyproject(s *Set, file string, text []byte) error {
	type poetry struct {
		Dependencies map[string]any
		Dev          map[string]any `toml:"dev-dependencies"`
		Group        map[string]struct{ Dependencies map[string]any }
	}
	var doc struct {
		Project struct {
			Dependencies []string
			Optional     map[string][]string `toml:"optional-dependencies"`
		}
		Groups map[string][]any `toml:"dependency-groups"`
		Tool   struct{ Poetry poetry }
	}
	if err := toml.Unmarshal(text, &doc); err != nil {
		return err
	}
	lines := slices.Clone(doc.Project.Dependencies)
	for _, name := range sortedKeys(doc.Project.Optional) {
		lines = append(lines, doc.Project.Optional[name]...)
	}
	for _, name := range sortedKeys(doc.Groups) {
		for _, v := range doc.Groups[name] {
			if line, ok := v.(string); ok {
				lines = append(lines, line)
			}
		}
	}
	var wants []want
	for _, l := range lines {
		if w, ok := pyWant(file, l); ok {
			wants = append(wants, w)
		}
	}
	wants = append(wants, poetryWants(file, doc.Tool.Poetry.Dependencies)...)
	wants = append(wants, poetryWants(file, doc.Tool.Poetry.Dev)...)
	for _, name := range sortedKeys(doc.Tool.Poetry.Group) {
		wants = append(wants, poetryWants(file, doc.Tool.Poetry.Group[name].Dependencies)...)
	}
	if len(wants) > 0 {
		s.manifest(file, PyPI, wants)
	}
	return nil
}

func poetryWants(file string, named map[string]any) []want {
	var wants []want
	for _, name := range sortedKeys(named) {
		if name != "python" {
			wants = append(wants, tableWant(file, name, named[name]))
		}
	}
	return wants
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
