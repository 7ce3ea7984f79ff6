package project

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A makefile is the targets of a Makefile, as far as they can be told without
// running make.
type makefile struct {
	targets   map[string]makeTarget
	variables map[string]string
	computed  bool // includes, conditions or templates: the text does not show all
}

type makeTarget struct {
	needs  []string
	recipe []string // lines without their leading tab
}

const maxTargets = 2000

// readMakefile never fails: what is no plain rule or assignment is passed over.
func readMakefile(text string) makefile {
	m := makefile{targets: map[string]makeTarget{}, variables: map[string]string{}}
	m.computed = regexp.MustCompile(`(?m)^\s*[-s]?(include|ifeq|ifneq|ifdef|ifndef|define)\b|\$[({](eval|call|foreach)\b|::[^=]`).MatchString(text)
	assignment := regexp.MustCompile(`^(?:export\s+)?([A-Za-z0-9_]+)\s*(?:::?=|\?=|\+=|=)\s*(.*)$`)
	rule := regexp.MustCompile(`^([^\s:=#$%][^:=#$%]*?)\s*::?(?:\s+([^=].*)|\s*)$`)
	var current []string
	defining := false
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSuffix(line, "\r")
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "define" || word == "endef":
			defining = word == "define"
		case defining:
		case strings.HasPrefix(line, "\t"):
			m.addRecipe(current, strings.TrimSpace(line))
		case assignment.MatchString(line):
			a := assignment.FindStringSubmatch(line)
			m.variables[a[1]] = a[2]
		case rule.MatchString(line):
			current = m.addRule(rule.FindStringSubmatch(line))
		case word != "" && word[0] != '#' && !strings.HasPrefix(word, "if") && word != "else" && word != "endif":
			current = nil // a rule by pattern, or something else that ends the one before
		}
	}
	return m
}

func (m makefile) addRecipe(names []string, line string) {
	for _, name := range names {
		if t, ok := m.targets[name]; ok {
			t.recipe = append(t.recipe, line)
			m.targets[name] = t
		}
	}
}

// addRule adds what "names: needs ; recipe" says and returns the names.
func (m makefile) addRule(match []string) []string {
	names := strings.Fields(match[1])
	needs, inline, _ := strings.Cut(match[2], ";")
	needs, _, _ = strings.Cut(needs, "#")
	for _, n := range names {
		if strings.HasPrefix(n, ".") || len(m.targets) >= maxTargets {
			continue
		}
		t := m.targets[n]
		t.needs = append(t.needs, strings.Fields(needs)...)
		if inline = strings.TrimSpace(inline); inline != "" {
			t.recipe = append(t.recipe, inline)
		}
		m.targets[n] = t
	}
	return names
}

// whole returns the recipe lines of a target and of all it needs or starts by
// make, with the values of plain variables put in.
func (m makefile) whole(target string) (lines []string) {
	const most = 500
	seen := map[string]bool{}
	queue := []string{target}
	for len(queue) > 0 && len(lines) < most {
		name := queue[0]
		queue = queue[1:]
		t, ok := m.targets[name]
		if seen[name] || !ok {
			continue
		}
		seen[name] = true
		queue = append(queue, t.needs...)
		for _, l := range t.recipe {
			l = m.expand(l)
			lines = append(lines, l)
			if i := strings.Index(l, "make "); i >= 0 {
				queue = append(queue, strings.Fields(l[i:])...)
			}
		}
	}
	return lines
}

// expand puts in variables twice, which is enough to see what is started.
func (m makefile) expand(line string) string {
	variable := regexp.MustCompile(`\$[({]([A-Za-z0-9_]+)[)}]`)
	for range 2 {
		line = variable.ReplaceAllStringFunc(line, func(v string) string {
			name := v[2 : len(v)-1]
			switch value := m.variables[name]; {
			case name == "MAKE":
				return "make"
			case value == "" && (name == "CC" || name == "CXX"):
				return "cc"
			default:
				return value
			}
		})
		if len(line) > 4096 {
			return line[:4096]
		}
	}
	return line
}

// detectMake lets the root's Makefile speak where the languages are silent.
//
// If no language told any command, its targets are taken for all kinds. If some
// did, a target takes the place of the root's build or test only when the
// Makefile is plainly the project's own door; see [makefile.isDoor].
func detectMake(t *tree, docs []Doc, f *findings) {
	name := t.first(".", "GNUmakefile", "makefile", "Makefile")
	if name == "" {
		return
	}
	text, ok := t.manifest(name)
	if !ok {
		f.note("%s: not a text that can be read.", name)
		return
	}
	m := readMakefile(string(text))
	silent := len(f.Build)+len(f.Test)+len(f.Lint)+len(f.Format) == 0
	if silent {
		f.Build = m.command(f, name, "build", "all")
		f.Test = m.command(f, name, "test", "tests", "check")
		f.Lint = m.command(f, name, "lint")
		f.Format = m.command(f, name, "fmt-check", "format-check", "check-format", "check-fmt", "checkfmt")
		if silent = len(f.Build)+len(f.Test)+len(f.Lint)+len(f.Format) == 0; silent {
			f.note("%s: no target builds or tests without containers, network or installing.", name)
		}
		return
	}
	f.Build = m.door(t, f, docs, name, f.Build, "build", "all")
	f.Test = m.door(t, f, docs, name, f.Test, "test", "tests", "check")
}

// command returns the first of the targets that can run in a sandbox.
func (m makefile) command(f *findings, from string, targets ...string) []Command {
	for _, target := range targets {
		if _, ok := m.targets[target]; !ok {
			continue
		}
		lines := m.whole(target)
		if word := reachesOut(strings.Join(lines, "\n")); word != "" {
			f.note("%s: the target %s needs %s; it is not used.", from, target, word)
			continue
		}
		if len(lines) == 0 {
			continue // only groups what is not in this file
		}
		return []Command{{Run: "make " + target, Dir: ".", From: from}}
	}
	return nil
}

// door returns the commands of a kind with those of the root replaced by a
// target, if the Makefile is the project's door for it.
func (m makefile) door(t *tree, f *findings, docs []Doc, from string, now []Command, targets ...string) []Command {
	for _, target := range targets {
		if _, ok := m.targets[target]; !ok || !named(docs, "make "+target) {
			continue
		}
		if !m.isDoor(t, target) {
			f.note("%s: the documents name make %s; the language's own commands are used all the same.", from, target)
			return now
		}
		run := "make " + target
		if slices.Contains(f.makes, ".venv") {
			run = `PATH="$PWD/.venv/bin:$PATH" ` + run
		}
		rest := slices.DeleteFunc(slices.Clone(now), func(c Command) bool { return c.Dir == "." })
		return append([]Command{{Run: run, Dir: ".", From: from}}, rest...)
	}
	return now
}

// isDoor reports whether a target does all that the language's own command does,
// and something besides, such as generating code: the whole module in Go, or
// pytest. All of it must be there to be read, and all programs it starts must be
// known to be here. Anything else may be narrower than the language's command, or
// want a database.
func (m makefile) isDoor(t *tree, target string) bool {
	lines := m.whole(target)
	all := steps(lines)
	whole := slices.ContainsFunc(all, func(words []string) bool {
		goes := words[0] == "go" && len(words) > 2 && (words[1] == "test" || words[1] == "build") && slices.Contains(words, "./...")
		return goes || slices.Contains(words, "pytest")
	})
	return !m.computed && whole && len(all) > 1 && unknownStart(t, all) == "" && reachesOut(strings.Join(lines, "\n")) == ""
}

func named(docs []Doc, words string) bool {
	whole := regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(words) + `($|[^\w-])`)
	return slices.ContainsFunc(docs, func(d Doc) bool { return whole.MatchString(d.Text) })
}

// steps takes recipe lines apart into the words of each program they start,
// without assignments before them.
func steps(lines []string) (all [][]string) {
	separators := regexp.MustCompile(`&&|\|\||[;|]`)
	for _, line := range lines {
		for _, part := range separators.Split(strings.TrimLeft(line, "@-+ "), -1) {
			words := strings.Fields(part)
			for len(words) > 0 && strings.Contains(words[0], "=") {
				words = words[1:]
			}
			if len(words) > 0 && !strings.HasPrefix(words[0], "#") {
				all = append(all, words)
			}
		}
	}
	return all
}

// unknownStart returns the first program that is neither part of the usual
// toolchains nor in the checkout.
func unknownStart(t *tree, all [][]string) string {
	for _, words := range all {
		inCheckout := strings.HasPrefix(words[0], "./") && t.has(path.Clean(words[0]))
		if !usual(words[0]) && !inCheckout {
			return words[0]
		}
	}
	return ""
}

func usual(program string) bool {
	switch program {
	case "go", "gofmt", "python", "python3", "pytest", "node", "npm", "npx", "yarn", "pnpm", "cargo", "mvn", "make", "cc", "gcc", "g++", "clang", "c++",
		"echo", "printf", "mkdir", "rm", "cp", "mv", "cd", "test", "[", "true", "set", "export", "cat", "sh", "bash", "find", "touch", "grep", "sed",
		"if", "then", "else", "fi", "for", "do", "done", "exit":
		return true
	}
	return false
}
