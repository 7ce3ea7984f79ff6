package deps

import (
	"path"
	"strings"

	"autonoma"
)

// goMod reads go.mod (https://go.dev/ref/mod#go-mod-file): require and replace, alone or
// in blocks. Since Go 1.17 it names all modules of a build with their versions.
func goMod(s *Set, file string, text []byte) error {
	var wants []want
	replaced := map[string][]string{} // module, or module@version, to path and version
	block := ""
	for line := range strings.Lines(string(text)) {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 0:
			continue
		case block == "" && len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case words[0] == ")":
			block = ""
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		for i := range words {
			words[i] = strings.Trim(words[i], "\"`")
		}
		switch {
		case words[0] == "require" && len(words) == 3:
			wants = append(wants, want{name: words[1], spec: words[2], version: words[2], indirect: strings.HasPrefix(strings.TrimSpace(comment), "indirect")})
		case words[0] == "replace" && len(words) >= 4 && words[2] == "=>":
			replaced[words[1]] = words[3:]
		case words[0] == "replace" && len(words) >= 5 && words[3] == "=>":
			replaced[words[1]+"@"+words[2]] = words[4:]
		}
	}
	for i, w := range wants {
		to, ok := replaced[w.name+"@"+w.version]
		if !ok {
			to, ok = replaced[w.name]
		}
		if ok {
			wants[i] = replace(file, w, to)
		}
	}
	s.manifest(file, Go, wants)
	return nil
}

// replace returns what stands in for a module.
func replace(file string, w want, to []string) want {
	r := want{name: to[0], indirect: w.indirect, spec: w.spec + " => " + strings.Join(to, " ")}
	switch {
	case len(to) > 1:
		r.version = to[1]
		if to[0] != w.name {
			r.elsewhere, r.risk = w.name+" is replaced by "+to[0], autonoma.HighRisk
		}
	default:
		r.name, r.version = w.name, ""
		r.local(file, to[0])
	}
	return r
}

// local notes that a manifest points to a path, which is right within the tree.
func (w *want) local(file, to string) {
	to = strings.TrimPrefix(to, "file:")
	joined := path.Join(path.Dir(file), to)
	if path.IsAbs(to) || joined == ".." || strings.HasPrefix(joined, "../") || strings.HasPrefix(to, "~") {
		w.elsewhere, w.risk = "it is taken from "+to+", which is outside of the repository", autonoma.MediumRisk
		return
	}
	w.own = true
}
