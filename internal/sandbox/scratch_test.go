package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a killed process left of a proof is removed by the next one, and what
// somebody is using, or is not ours, stays.
func TestScratchDir(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	leave := func(name string, age time.Duration) string {
		dir := filepath.Join(os.TempDir(), name)
		if err := os.MkdirAll(filepath.Join(dir, "workspace"), 0o700); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old, young, other := leave("autonoma-proof-1", time.Hour), leave("autonoma-proof-2", 0), leave("others", time.Hour)
	made, err := scratchDir()
	if err != nil {
		t.Fatal(err)
	}
	for dir, stays := range map[string]bool{old: false, young: true, other: true, made: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
