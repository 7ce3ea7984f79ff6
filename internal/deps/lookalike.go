package deps

import (
	_ "embed"
	"strings"
	"sync"
)

// popular.txt names packages that everybody knows, and so those who want to be taken
// for them do too: an ecosystem, then names.
//
//go:embed popular.txt
var popularText string

var popular = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(popularText) {
		if words := strings.Fields(line); len(words) > 1 {
			all[words[0]] = append(all[words[0]], words[1:]...)
		}
	}
	return all
})

// lookalike returns the popular package whose name is one edit away, "" if there is none
// or the package is popular itself. Short names are too close to each other to tell.
func lookalike(d Dep) string {
	found := ""
	for _, name := range popular()[d.Ecosystem] {
		if name == d.Name {
			return ""
		}
		if len(name) >= 5 && len(d.Name) < 200 && oneEdit(name, d.Name) {
			found = name
		}
	}
	return found
}

// oneEdit reports whether two names differ by one letter put in, left out, or changed,
// or by two neighbours that changed places.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		return i < len(a) && (a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:])
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}
