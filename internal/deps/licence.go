package deps

import (
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Licence returns the licence of a dependency as SPDX calls it, by what lies in a tree:
// a cache of Go modules (module@version, or vendor), a directory with node_modules, or
// one with the *.dist-info of Python packages. What the package says of itself counts;
// for Go it is the text of its licence file. It is not ok if the tree has nothing of the
// dependency, or what it has is not known.
func Licence(root fs.FS, d Dep) (id string, ok bool) {
	switch d.Ecosystem {
	case Go:
		for _, dir := range []string{escaped(d.Name) + "@" + escaped(d.Version), "vendor/" + d.Name} {
			if id := licenceIn(root, dir); id != "" {
				return id, true
			}
		}
	case NPM:
		dir := "node_modules/" + d.Name
		text, _ := readTree(root, dir+"/package.json")
		var doc struct {
			Version string
			License json.RawMessage
		}
		if json.Unmarshal(text, &doc) != nil || d.Version != "" && doc.Version != d.Version {
			return "", false
		}
		id = spdx(nodeLicence(doc.License))
		if id == "" {
			id = licenceIn(root, dir)
		}
	case PyPI:
		id = pythonLicence(root, d)
	}
	return id, id != ""
}

// escaped spells a module path as its cache does: ! before what was upper case.
func escaped(p string) string {
	var b strings.Builder
	for _, r := range p {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// maxLicence is how much of a text is looked at.
const maxLicence = 256 << 10

func readTree(root fs.FS, name string) ([]byte, bool) {
	if !fs.ValidPath(name) {
		return nil, false // a name that is made to lead elsewhere
	}
	text, err := readFile(root, name, maxLicence)
	return text, err == nil
}

var licenceFile = regexp.MustCompile(`(?i)^(?:licen[cs]e|copying|unlicense)(?:[-.](?:txt|md|rst|mit|apache|bsd|apache-2\.0))?$`)

// licenceIn returns the licence whose text lies in a directory, "" if there is none.
func licenceIn(root fs.FS, dir string) string {
	if !fs.ValidPath(dir) {
		return ""
	}
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if licenceFile.MatchString(e.Name()) {
			text, _ := readTree(root, path.Join(dir, e.Name()))
			if id := licenceOf(string(text)); id != "" {
				return id
			}
		}
	}
	return ""
}

// nodeLicence returns what license in a package.json says: a text, or an old object.
func nodeLicence(raw json.RawMessage) string {
	var text string
	var old struct{ Type string }
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	if json.Unmarshal(raw, &old) != nil {
		return ""
	}
	return old.Type
}

// pythonLicence reads the METADATA of a package
// (https://packaging.python.org/en/latest/specifications/core-metadata/).
func pythonLicence(root fs.FS, d Dep) string {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(entries, func(e fs.DirEntry) bool {
		name, ok := strings.CutSuffix(e.Name(), ".dist-info")
		at := strings.LastIndex(name, "-")
		return ok && at > 0 && canonical(PyPI, name[:at]) == d.Name && (d.Version == "" || comparePEP440(name[at+1:], d.Version) == 0)
	})
	if i < 0 {
		return ""
	}
	dir := entries[i].Name()
	text, _ := readTree(root, dir+"/METADATA")
	head, _, _ := strings.Cut(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n\n")
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if key == "Classifier" && strings.HasPrefix(value, "License :: ") {
			value = value[strings.LastIndex(value, ":: ")+3:]
		}
		if id := spdx(value); id != "" && (key == "License-Expression" || key == "License" || key == "Classifier") {
			return id
		}
	}
	if id := licenceIn(root, dir); id != "" {
		return id
	}
	return licenceIn(root, dir+"/licenses")
}
