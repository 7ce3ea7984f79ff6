package sandbox

import (
	"os"
	"path/filepath"
	"time"
)

// proofTime is how long a proof takes at most.
const proofTime = 10 * time.Second

// scratchDir makes a directory for a proof, below the one for temporary files:
// where a level is tried on what the server keeps, a fault would be a loss. First
// it removes those of processes that were killed before they could.
func scratchDir() (string, error) {
	const prefix = "autonoma-proof-"
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the pattern is well-formed, unless the directory's name is odd
	for _, dir := range old {
		fi, err := os.Lstat(dir)
		if err != nil || !fi.IsDir() || time.Since(fi.ModTime()) < 6*proofTime {
			continue
		}
		if uid, ok := owner(fi); ok && uid == os.Geteuid() {
			_ = os.RemoveAll(dir) // or the next proof does
		}
	}
	return os.MkdirTemp("", prefix)
}
