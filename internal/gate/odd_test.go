package gate_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"autonoma"
	"autonoma/internal/gate"
)

// Names and kinds of files that patches have a hard time with hide nothing, and are no
// reason to fail.
func TestOddFiles(t *testing.T) {
	odd := []string{"a b.txt", "tab\there.txt", "new\nline.txt", "ümlaut.txt", `quote".txt`, "x b/x b.txt", " b/ a", "-- dev null", "semi;colon", "back\\slash"}
	change := func(line string) *gate.Facts {
		var errs []error
		return factsBy(t, "-- old.sh --\nx\n-- empty --\n", func(dir string) {
			for _, name := range odd {
				file := filepath.Join(dir, name)
				errs = append(errs, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(line+"\r\nno end of line"), 0o644))
			}
			errs = append(errs, os.WriteFile(filepath.Join(dir, "nothing"), nil, 0o644),
				os.Chmod(filepath.Join(dir, "old.sh"), 0o755), os.Symlink("old.sh", filepath.Join(dir, "ln")),
				os.Rename(filepath.Join(dir, "empty"), filepath.Join(dir, "moved b")))
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
		})
	}
	if g, _ := measured(t, "secrets", gate.AtChange, change("fine")); g.Status != autonoma.GatePassed {
		t.Errorf("without a secret: %s: %s", g.Status, g.Message)
	}
	if g, _ := measured(t, "secrets", gate.AtChange, change("key = "+token)); g.Status != autonoma.GateFailed || *g.Score != float64(len(odd)) {
		t.Errorf("with %d secrets: %s: %s", len(odd), g.Status, g.Message)
	}
}
