package deps

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"autonoma"
)

// exact is one version of npm, Composer or a Gemfile, and nothing else.
var exact = regexp.MustCompile(`^=?\s*v?\d+\.\d+(?:\.\d+)*(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)

// commit is the end of a reference to one commit of a git repository.
var commit = regexp.MustCompile(`[#@=]"?[0-9a-f]{40}\b`)

// packageJSON reads what a package of Node asks for. Peers are asked of others.
func packageJSON(s *Set, file string, text []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	var wants []want
	for _, section := range []string{"dependencies", "devDependencies", "optionalDependencies"} {
		var named map[string]json.RawMessage
		if json.Unmarshal(raw[section], &named) != nil {
			continue // of a wrong type, which npm ignores too
		}
		for name, value := range named {
			var spec string
			if json.Unmarshal(value, &spec) == nil && !strings.HasPrefix(spec, "workspace:") {
				wants = append(wants, nodeWant(file, name, strings.TrimSpace(spec)))
			}
		}
	}
	slices.SortFunc(wants, func(a, b want) int { return strings.Compare(a.name, b.name) })
	s.manifest(file, NPM, wants)
	return nil
}

// nodeWant reads a spec of npm: a range, an alias, or a place.
func nodeWant(file, name, spec string) want {
	w := want{name: name, spec: spec}
	if alias, ok := strings.CutPrefix(spec, "npm:"); ok {
		if at := strings.LastIndex(alias, "@"); at > 0 {
			w.name, spec = alias[:at], alias[at+1:]
		}
	}
	switch {
	case exact.MatchString(spec):
		w.version = strings.TrimLeft(spec, "= v")
	case strings.HasPrefix(spec, "file:"), strings.HasPrefix(spec, "link:"), strings.HasPrefix(spec, "portal:"), strings.HasPrefix(spec, "."), strings.HasPrefix(spec, "/"), strings.HasPrefix(spec, "~/"):
		_, place, ok := strings.Cut(spec, ":")
		if !ok {
			place = spec
		}
		w.local(file, place)
	case strings.Contains(spec, "://"), strings.HasPrefix(spec, "git@"), strings.Contains(spec, "/"), strings.HasPrefix(spec, "github:"):
		w.remote(spec)
	}
	return w
}

// remote notes that a manifest points to a place on the network: worse if what is there
// may change.
func (w *want) remote(spec string) {
	w.elsewhere, w.risk = "it is taken from "+place(spec)+", where it can change, and not from the registry", autonoma.HighRisk
	if commit.MatchString(spec) && !strings.HasPrefix(spec, "http://") {
		w.elsewhere, w.risk = "it is taken from "+place(spec)+" and not from the registry", autonoma.MediumRisk
	}
}

// place returns a spec without what may be a password, and not too long.
func place(spec string) string {
	if before, after, ok := strings.Cut(spec, "://"); ok {
		if at := strings.LastIndex(after, "@"); at >= 0 && strings.Contains(after[:at], ":") {
			after = after[at+1:]
		}
		spec = before + "://" + after
	}
	return strings.ToValidUTF8(spec[:min(len(spec), 120)], "")
}

// packageLock reads the lock file of npm, lockfileVersion 1 to 3
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json).
func packageLock(s *Set, file string, text []byte) error {
	type entry struct {
		Version, Resolved, Name string
		Link                    bool
		Dependencies            map[string]json.RawMessage
	}
	var doc struct {
		Packages     map[string]entry
		Dependencies map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	var pins []pin
	add := func(name string, e entry) {
		if e.Name != "" {
			name = e.Name // an alias
		}
		if e.Version == "" || e.Link {
			return
		}
		pins = append(pins, pin{name, e.Version})
		if why := foreign(e.Resolved); why != "" && len(s.problems) < 1000 {
			custom := why // a registry of the project's own
			if strings.HasPrefix(e.Resolved, "http:") {
				custom = ""
			}
			s.problems = append(s.problems, Problem{file, name + ": " + why, autonoma.MediumRisk, custom})
		}
	}
	for p, e := range doc.Packages {
		if at := strings.LastIndex(p, "node_modules/"); at >= 0 {
			add(p[at+len("node_modules/"):], e)
		}
	}
	var nested func(map[string]json.RawMessage, int)
	nested = func(all map[string]json.RawMessage, depth int) {
		for name, raw := range all {
			var e entry
			if json.Unmarshal(raw, &e) == nil && depth < 20 {
				add(name, e)
				nested(e.Dependencies, depth+1)
			}
		}
	}
	if doc.Packages == nil {
		nested(doc.Dependencies, 0)
	}
	slices.SortFunc(s.problems, func(a, b Problem) int { return strings.Compare(a.File+a.What, b.File+b.What) })
	s.lock(file, NPM, pins)
	return nil
}

// foreign says what is wrong with the place a package was found at.
func foreign(resolved string) string {
	u, err := url.Parse(resolved)
	switch {
	case resolved == "" || err != nil || u.Scheme == "file":
		return ""
	case u.Scheme == "http":
		return "it is fetched without encryption"
	case u.Scheme == "https" && (u.Host == "registry.npmjs.org" || u.Host == "registry.yarnpkg.com"):
		return ""
	}
	return "it is fetched from " + place(u.Scheme+"://"+u.Host) + " and not from the registry"
}

// yarnLock reads the lock file of Yarn, in the form of version 1 and in that of later
// ones: blocks that begin with a list of name@range and hold a line of the version.
func yarnLock(s *Set, file string, text []byte) error {
	var pins []pin
	name := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case line[0] != ' ':
			name = yarnName(strings.Trim(line, `":`))
		case name != "" && strings.HasPrefix(line, "  version"):
			version := strings.Trim(line[len("  version"):], ` :"`)
			if version != "0.0.0-use.local" {
				pins = append(pins, pin{name, version})
			}
			name = ""
		}
	}
	s.lock(file, NPM, pins)
	return nil
}

// yarnName returns the package of name@range, and that of an alias.
func yarnName(key string) string {
	key, _, _ = strings.Cut(key, ",")
	key = strings.Trim(key, `" `)
	if at := strings.Index(key, "@npm:"); at > 0 {
		if rest := key[at+len("@npm:"):]; strings.LastIndex(rest, "@") > 0 {
			return rest[:strings.LastIndex(rest, "@")]
		}
		return key[:at]
	}
	if at := strings.Index(key[min(1, len(key)):], "@"); at >= 0 {
		return key[:at+1]
	}
	return "" // __metadata
}

// pnpmLock reads the keys below packages in the lock file of pnpm, version 5 to 9:
// /name/1.0.0, /name@1.0.0(peer@2.0.0) and name@1.0.0.
func pnpmLock(s *Set, file string, text []byte) error {
	var pins []pin
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && line[0] != ' ' {
			inside = line == "packages:"
			continue
		}
		if !inside || len(line) < 4 || line[:2] != "  " || line[2] == ' ' || !strings.HasSuffix(line, ":") {
			continue
		}
		key := strings.TrimPrefix(strings.Trim(line, ` :'"`), "/")
		key, _, _ = strings.Cut(key, "(")
		at := strings.LastIndex(key, "@")
		if at <= 0 {
			key, _, _ = strings.Cut(key, "_")
			at = strings.LastIndex(key, "/")
		}
		if at > 0 && at+1 < len(key) {
			pins = append(pins, pin{key[:at], key[at+1:]})
		}
	}
	s.lock(file, NPM, pins)
	return nil
}
