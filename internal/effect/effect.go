// Package effect tells what a change or a command does that a human may want to know
// of beforehand: it touches what runs on build servers, deletes data, talks to others.
//
// What counts as an effect, and how much is at stake, is data: rules.yaml. The package
// looks at what was changed, not at what an agent says it did.
package effect

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"autonoma"
)

//go:embed rules.yaml
var rulesText []byte

// A File is a file of a change.
type File struct {
	Path    string // where it is, or was if it is deleted
	OldPath string // where it was, if it was moved
	Deleted bool
	Lines   int // added and removed
}

// Of returns the effects of a change, the gravest first: those of its files, and those
// of the lines that its patch adds, which is unified.
func Of(files []File, patch []byte) []autonoma.Effect {
	r := rules()
	var found []autonoma.Effect
	lines, deleted := 0, 0
	for _, f := range files {
		lines += f.Lines
		if f.Deleted {
			deleted++
		}
		found = append(found, r.ofPath(f)...)
	}
	for path, text := range added(patch) {
		for _, l := range r.Added {
			if l.in.MatchString(path) && l.matches(text) {
				found = append(found, l.effect(path))
			}
		}
	}
	found = append(found, r.Size.Lines.effect("large", lines, "lines are changed", "more than can be read with care")...)
	found = append(found, r.Size.Deleted.effect("deletion", deleted, "files are deleted", "what they held is gone from the branch")...)
	return unique(found)
}

// OfCommand returns the effects that a shell command would have if nothing held it.
func OfCommand(command string) []autonoma.Effect {
	var found []autonoma.Effect
	for _, c := range rules().Commands {
		if c.matches(command) {
			found = append(found, c.effect(short(command)))
		}
	}
	return unique(found)
}

// short keeps a command readable.
func short(command string) string {
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(command, "")), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func (r *ruleset) ofPath(f File) []autonoma.Effect {
	var found []autonoma.Effect
	for _, p := range r.Paths {
		for _, path := range []string{f.Path, f.OldPath} {
			if path != "" && (p.matches(path) || p.matches(path+"/")) { // it may be a link to a directory
				found = append(found, p.effect(strings.ToValidUTF8(path, "�")))
				break
			}
		}
	}
	return found
}

// Gravest returns at most so many of the effects, the gravest first.
func Gravest(found []autonoma.Effect, most int) []autonoma.Effect {
	found = unique(found)
	return found[:min(len(found), most)]
}

// unique returns each effect once, the gravest first. Of an effect whose kind is the
// same, the places are told, as far as somebody would read them.
func unique(found []autonoma.Effect) []autonoma.Effect {
	const most = 100
	slices.SortStableFunc(found, func(a, b autonoma.Effect) int {
		if d := slices.Index(autonoma.Risks, b.Risk) - slices.Index(autonoma.Risks, a.Risk); d != 0 {
			return d
		}
		return strings.Compare(string(a.Kind)+a.What, string(b.Kind)+b.What)
	})
	found = slices.Compact(found)
	return found[:min(len(found), most)]
}

// added returns the lines that a patch adds, by the path of their file.
func added(patch []byte) map[string]string {
	texts := map[string]*strings.Builder{}
	path, body := "", false
	for line := range bytes.Lines(patch) {
		switch {
		case bytes.HasPrefix(line, []byte("diff --git ")):
			path, body = "", false
		case bytes.HasPrefix(line, []byte("@@ ")):
			body = true
		case !body && bytes.HasPrefix(line, []byte("+++ ")):
			path = after(string(line[len("+++ "):]))
		case body && path != "" && line[0] == '+':
			if texts[path] == nil {
				texts[path] = &strings.Builder{}
			}
			texts[path].Write(line[1:])
		}
	}
	all := map[string]string{}
	for path, b := range texts {
		all[path] = b.String()
	}
	return all
}

// after returns the path that a line of a patch names, which git quotes if it has odd
// bytes; empty if there is none.
func after(name string) string {
	name = strings.TrimRight(name, "\t\n")
	if plain, err := strconv.Unquote(name); err == nil {
		name = plain
	}
	path, ok := strings.CutPrefix(name, "b/")
	if !ok {
		return ""
	}
	return path
}

// A rule is what counts as an effect.
type rule struct {
	Kind  autonoma.EffectKind `yaml:"kind"`
	Risk  autonoma.Risk       `yaml:"risk"`
	Why   string              `yaml:"why"`
	Match string              `yaml:"match"`
	In    string              `yaml:"in"`

	match, in *regexp.Regexp
}

func (r *rule) matches(text string) bool { return r.match.MatchString(text) }

func (r *rule) effect(what string) autonoma.Effect {
	return autonoma.Effect{Kind: r.Kind, What: autonoma.Visible(what), Why: r.Why, Risk: r.Risk}
}

// steps are the numbers beyond which something is a risk.
type steps map[int]autonoma.Risk

func (s steps) effect(kind autonoma.EffectKind, n int, what, why string) []autonoma.Effect {
	for _, over := range slices.Backward(slices.Sorted(maps.Keys(s))) {
		if n > over {
			return []autonoma.Effect{{Kind: kind, What: fmt.Sprintf("%d %s", n, what), Why: why, Risk: s[over]}}
		}
	}
	return nil
}

type ruleset struct {
	Paths    []*rule `yaml:"paths"`
	Added    []*rule `yaml:"added"`
	Commands []*rule `yaml:"commands"`
	Size     struct {
		Lines   steps `yaml:"lines"`
		Deleted steps `yaml:"deleted"`
	} `yaml:"size"`
}

// rules are the built-in rules. A file of the program that cannot be read is a fault
// in the program.
var rules = sync.OnceValue(func() *ruleset {
	r, err := parse(rulesText)
	if err != nil {
		panic(err)
	}
	return r
})

func parse(text []byte) (*ruleset, error) {
	var r ruleset
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("rules of effects: %w", err)
	}
	for _, one := range slices.Concat(r.Paths, r.Added, r.Commands) {
		var err error
		if one.match, err = regexp.Compile("(?im)" + one.Match); err != nil {
			return nil, fmt.Errorf("rules of effects: %s: %w", one.Kind, err)
		}
		if one.in, err = regexp.Compile("(?i)" + one.In); err != nil {
			return nil, fmt.Errorf("rules of effects: %s: %w", one.Kind, err)
		}
		if !slices.Contains(autonoma.Risks, one.Risk) || one.Kind == "" || one.Why == "" || one.Match == "" {
			return nil, fmt.Errorf("rules of effects: %s is not whole", one.Kind)
		}
	}
	return &r, nil
}
