package autonoma_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// TestLinks follows every link between the documents of the project.
func TestLinks(t *testing.T) {
	found := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && file != "."):
			return fs.SkipDir
		case d.IsDir() || path.Ext(file) != ".md" || d.Type()&fs.ModeSymlink != 0:
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := m[1]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			found++
			if _, err := os.Stat(path.Join(path.Dir(file), to)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 10 {
		t.Errorf("only %d links were found: the test looks in the wrong place", found)
	}
}

// TestGuide looks for each page of the guide in its table of contents.
func TestGuide(t *testing.T) {
	pages, err := fs.Glob(os.DirFS("docs/guide"), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	contents, err := os.ReadFile("docs/guide/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if page != "README.md" && !strings.Contains(string(contents), "]("+page+")") {
			t.Errorf("docs/guide/README.md does not name %s", page)
		}
	}
}
