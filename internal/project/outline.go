package project

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// A definition is one named thing in a file and the line it begins on.
type definition struct {
	line int
	text string // its beginning as written, on one line
}

const (
	maxDefinition  = 140 // bytes of a definition's text
	maxDefinitions = 400 // of one file
)

// An outliner finds the definitions in files: in Go by its parser, in other
// languages by what lines look like.
type outliner struct {
	patterns map[string][]*regexp.Regexp
}

// newOutliner compiles the table of line patterns. A pattern matches a line
// from its beginning; what it matches shows, so that bodies do not.
func newOutliner() outliner {
	table := map[string][]string{
		"Python":     {`^\s*(?:async\s+)?def\s+\w+.*`, `^\s*class\s+\w+.*`},
		"JavaScript": scriptPatterns(),
		"TypeScript": append(scriptPatterns(),
			`^(?:export\s+)?(?:declare\s+)?(?:interface|enum|namespace|type)\s+\w+.*`,
			`^  (?:(?:public|private|protected|static|readonly|async|override|abstract)\s+)+\w+\s*[(<].*`),
		"Java":   jvmPatterns(),
		"C#":     jvmPatterns(),
		"Kotlin": {`^\s*(?:(?:public|private|internal|protected|open|abstract|override|suspend|data|sealed|inline|enum|companion)\s+)*(?:class|interface|object|fun)\s+.*`},
		"Scala":  {`^\s*(?:(?:private|protected|override|final|sealed|abstract|implicit|case)\s+)*(?:class|trait|object|def)\s+\w+.*`},
		"Rust":   {`^\s*(?:pub(?:\([^)]*\))?\s+)?(?:default\s+)?(?:const\s+)?(?:async\s+)?(?:unsafe\s+)?(?:extern\s+"[^"]*"\s+)?(?:fn|struct|enum|trait|union|mod|type)\s+\w+.*`, `^\s*(?:unsafe\s+)?impl\b.*`, `^\s*macro_rules!\s*\w+`},
		"C":      cPatterns(),
		"C++":    append(cPatterns(), `^\s*(?:template\s*<.*>\s*)?(?:class|namespace)\s+\w+[^;]*$`),
		"Ruby":   {`^\s*def\s+\S+.*`, `^\s*(?:class|module)\s+[A-Z].*`},
		"PHP":    {`^\s*(?:(?:abstract|final|public|private|protected|static|readonly)\s+)*function\s+&?\w+.*`, `^\s*(?:(?:abstract|final|readonly)\s+)*(?:class|interface|trait|enum)\s+\w+.*`},
		"Swift":  {`^\s*(?:(?:public|private|internal|open|fileprivate|static|final|override|mutating)\s+)*(?:func|class|struct|enum|protocol|extension|actor)\s+.*`},
		"Elixir": {`^\s*def(?:p|module|macro|protocol|struct)?\s+.*`},
		"Dart":   {`^(?:abstract\s+)?(?:class|mixin|enum|extension)\s+\w+.*`},
		"Lua":    {`^\s*(?:local\s+)?function\s+[\w.:]+.*`},
		"Shell":  {`^(?:function\s+)?[\w:-]+\s*\(\)\s*\{?`},
		"SQL":    {`(?i)^\s*create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|trigger|type)\s+.*`},
	}
	table["C/C++ header"] = append(table["C++"], `^\s*#define\s+\w+\(.*`)
	table["Vue"], table["Svelte"] = table["TypeScript"], table["TypeScript"]
	o := outliner{map[string][]*regexp.Regexp{}}
	for language, lines := range table {
		for _, l := range lines {
			o.patterns[language] = append(o.patterns[language], regexp.MustCompile(l))
		}
	}
	return o
}

func scriptPatterns() []string {
	return []string{
		`^(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*\w*.*`,
		`^(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\b.*`,
		`^(?:export\s+)?(?:const|let|var)\s+\w+\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^)]*\)\s*(?::[^=]+)?=>|\w+\s*=>).*`,
		`^export\s+(?:const|let|var)\s+\w+.*`,
		`^(?:module\.)?exports\.\w+\s*=.*`,
		`^  (?:static\s+)?(?:async\s+)?(?:get\s+|set\s+)?\*?#?[A-Za-z_$][\w$]*\([^;]*\)\s*(?::\s*[^;{]+)?\{\s*$`,
	}
}

func jvmPatterns() []string {
	return []string{
		`^\s*(?:(?:public|private|protected|internal|static|final|abstract|sealed|non-sealed|partial|readonly)\s+)*(?:class|interface|enum|record|struct|@interface|namespace)\s+[\w.]+.*`,
		`^\s+(?:(?:public|private|protected|internal|static|final|abstract|synchronized|default|override|virtual|async|native)\s+)+(?:<[^>]+>\s+)?(?:[\w.<>\[\],?]+\s+)?\w+\s*\([^;]*$`,
	}
}

func cPatterns() []string {
	return []string{
		`^(?:typedef\s+)?(?:struct|union|enum)\s+\w+[^;=()]*$`,
		`^[A-Za-z_][\w\s*&:<>,~]*[\s*&]~?[\w:~]+\s*\([^;{}]*\)\s*(?:const\s*)?(?:noexcept\s*)?(?:override\s*)?\{?\s*$`,
	}
}

// outline returns the definitions in a file, in its order.
func (o outliner) outline(p string, text []byte) []definition {
	if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
		return nil
	}
	language := languageOf(p)
	if language == "Go" {
		return outlineGo(text)
	}
	return outlineLines(o.patterns[language], text)
}

func outlineLines(patterns []*regexp.Regexp, text []byte) (defs []definition) {
	const tooLong = 500 // generated or minified
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if len(patterns) == 0 || len(defs) == maxDefinitions {
			break
		}
		if len(line) > tooLong || len(line) < 4 {
			continue
		}
		line = bytes.TrimRight(line, "\r\n")
		for _, p := range patterns {
			if p.Match(line) && !statement(line) {
				defs = append(defs, definition{n, indented(line)})
				break
			}
		}
	}
	return defs
}

// statement tells lines that only look like definitions.
func statement(line []byte) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	word, _, _ = strings.Cut(word, "(")
	switch word {
	case "return", "if", "else", "for", "while", "switch", "catch", "do", "throw", "new", "await", "delete", "goto", "case":
		return true
	}
	return false
}

// indented returns a line without its opening brace, and keeps of its
// indentation that there is one.
func indented(line []byte) string {
	s := oneLine(strings.TrimRight(string(line), " {:\t"), maxDefinition)
	if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		return "  " + s
	}
	return s
}

// outlineGo returns functions, types, and exported variables and constants. Of
// a file that does not parse it returns what comes before the error.
func outlineGo(text []byte) (defs []definition) {
	set := token.NewFileSet()
	f, _ := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if f == nil {
		return nil
	}
	add := func(from, to token.Pos, prefix string) {
		a, b := set.Position(from), set.Position(to)
		if len(defs) < maxDefinitions && a.Offset >= 0 && a.Offset < b.Offset && b.Offset <= len(text) {
			defs = append(defs, definition{a.Line, oneLine(prefix+string(text[a.Offset:b.Offset]), maxDefinition)})
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			add(d.Pos(), d.Type.End(), "")
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(s.Pos(), typeHead(s), "type ")
				case *ast.ValueSpec:
					if ast.IsExported(s.Names[0].Name) {
						add(s.Pos(), s.Names[len(s.Names)-1].End(), d.Tok.String()+" ")
					}
				}
			}
		}
	}
	return defs
}

// typeHead returns where the part of a type ends that is worth showing.
func typeHead(s *ast.TypeSpec) token.Pos {
	switch t := s.Type.(type) {
	case *ast.StructType:
		return t.Fields.Opening
	case *ast.InterfaceType:
		return t.Methods.Opening
	}
	return s.Type.End()
}
