package project

import (
	"bytes"
	"cmp"
	"context"
	"path"
	"slices"
	"strings"
	"time"
)

// readingTime bounds how long the text of a checkout is read, so that a slow
// disk cannot hold up a run.
const readingTime = 10 * time.Second

// languageOf tells the language of a file by its name, "" for none that is
// written by hand in lines.
func languageOf(p string) string {
	base := path.Base(p)
	if strings.Contains(base, ".min.") || strings.HasSuffix(base, ".d.ts") && strings.Contains(p, "dist/") {
		return ""
	}
	switch strings.ToLower(path.Ext(base)) {
	case ".go":
		return "Go"
	case ".py", ".pyi":
		return "Python"
	case ".js", ".mjs", ".cjs", ".jsx":
		return "JavaScript"
	case ".ts", ".mts", ".cts", ".tsx":
		return "TypeScript"
	case ".java":
		return "Java"
	case ".kt", ".kts":
		return "Kotlin"
	case ".scala":
		return "Scala"
	case ".rs":
		return "Rust"
	case ".c":
		return "C"
	case ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx":
		return "C++"
	case ".h":
		return "C/C++ header"
	case ".cs":
		return "C#"
	case ".rb":
		return "Ruby"
	case ".php":
		return "PHP"
	case ".swift":
		return "Swift"
	case ".ex", ".exs":
		return "Elixir"
	case ".dart":
		return "Dart"
	case ".lua":
		return "Lua"
	case ".sh", ".bash":
		return "Shell"
	case ".sql":
		return "SQL"
	case ".html", ".htm":
		return "HTML"
	case ".css", ".scss", ".less":
		return "CSS"
	case ".vue":
		return "Vue"
	case ".svelte":
		return "Svelte"
	}
	return ""
}

// countLines counts what is written in which language.
func countLines(ctx context.Context, t *tree, f *findings) []Language {
	ctx, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	var (
		found = map[string]*Language{}
		buf   = make([]byte, maxText)
		read  int
		short bool
	)
	for _, file := range t.files {
		name := languageOf(file.path)
		if name == "" {
			continue
		}
		if found[name] == nil {
			found[name] = &Language{Name: name}
		}
		found[name].Files++
		if short = short || read > MaxRead || ctx.Err() != nil; short {
			continue
		}
		n := t.fill(file.path, buf)
		read += n
		found[name].Lines += linesIn(buf[:n], file.size)
	}
	if short {
		f.note("The source text is large: lines were counted in the first %d MiB.", read>>20)
	}
	var all []Language
	for _, l := range found {
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b Language) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(b.Files, a.Files), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// linesIn counts the lines of a text of which beginning is all or a part. A
// file with a zero byte is no text.
func linesIn(beginning []byte, size int64) int {
	if len(beginning) == 0 || bytes.IndexByte(beginning[:min(len(beginning), 8000)], 0) >= 0 {
		return 0
	}
	n := bytes.Count(beginning, []byte{'\n'})
	if size > int64(len(beginning)) {
		return int(float64(n) * float64(size) / float64(len(beginning)))
	}
	if beginning[len(beginning)-1] != '\n' {
		n++
	}
	return n
}

// fill reads the beginning of a listed file into buf.
func (t *tree) fill(p string, buf []byte) int {
	f, err := t.fsys.Open(p)
	if err != nil {
		return 0
	}
	defer f.Close()
	n := 0
	for n < len(buf) {
		m, err := f.Read(buf[n:])
		if n += m; err != nil {
			break
		}
	}
	return n
}
